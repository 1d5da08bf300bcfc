package cli

import (
	"fmt"
	"runtime/debug"
	"strings"
)

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

// VersionLine is what --version prints: the tool, the version, and what the
// build knows of the commit it is of.
func VersionLine(tool string) string {
	line := tool + " " + Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		line += commit(info)
	}
	return line
}

// commit is the commit of a build in a sentence's end, "" if it knows none.
func commit(info *debug.BuildInfo) string {
	set := settings(info)
	rev := set["vcs.revision"]
	if rev == "" {
		return ""
	}
	date, _, _ := strings.Cut(set["vcs.time"], "T")
	if set["vcs.modified"] == "true" {
		date += ", changed since"
	}
	return fmt.Sprintf(" (commit %s of %s)", rev[:min(len(rev), 12)], date)
}

func settings(info *debug.BuildInfo) map[string]string {
	set := make(map[string]string)
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	return set
}

func version(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	set := settings(info)
	v := "devel"
	if rev := set["vcs.revision"]; rev != "" {
		v += "-" + rev[:min(len(rev), 12)]
	}
	if set["vcs.modified"] == "true" {
		v += "-dirty"
	}
	return v
}
