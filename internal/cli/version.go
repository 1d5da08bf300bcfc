package cli

import "runtime/debug"

// Version is the build's version as Go recorded it: the module's version, or
// the commit it was built from ("-dirty" if the tree had changes), or "devel"
// where neither is known (go run, go test).
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	return version(info)
}

func version(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	set := make(map[string]string)
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	v := "devel"
	if rev := set["vcs.revision"]; rev != "" {
		v += "-" + rev[:min(len(rev), 12)]
	}
	if set["vcs.modified"] == "true" {
		v += "-dirty"
	}
	return v
}
