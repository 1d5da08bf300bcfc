package results

import (
	"bytes"
	"fmt"
	"os"
)

// userID is this user's outside: in the user namespace that hw-test makes for
// itself everybody is 0.
func userID() int {
	id := os.Getuid()
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return id // without /proc, or without user namespaces
	}
	return outside(b, id)
}

// outside is the id outside of one inside, by a user namespace's map
// (user_namespaces(7)): lines of the first id inside, the first outside and how
// many there are. It is id where no line has it.
func outside(uidMap []byte, id int) int {
	for line := range bytes.Lines(uidMap) {
		var first, out, n int
		if _, err := fmt.Sscan(string(line), &first, &out, &n); err == nil && id >= first && id-first < n {
			return out + id - first
		}
	}
	return id
}
