//go:build !race

package conformance_test

// race says that the race detector is on, which slows traffic down.
const race = false
