package conform

// config is what of the machine the user names.
type config struct {
	nics []string
}

// kinds are the names of the targets.
var kinds = []string{"vale", "pipe", "null", "sink", "veth", "native"}
