//go:build race

package netmaptest_test

// raceEnabled says that the race detector is on, under which more allocates.
const raceEnabled = true
