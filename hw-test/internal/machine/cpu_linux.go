package machine

import "github.com/prometheus/procfs"

// cpuModel is the name of the first CPU's model, "" if the kernel has none.
func cpuModel() string {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return ""
	}
	cpus, err := fs.CPUInfo()
	if err != nil || len(cpus) == 0 {
		return ""
	}
	return cpus[0].ModelName
}
