//go:build !linux

package harness

import (
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/cli"
)

func ignoreTerm() {}
func noRights()   {}

func TestNotLinux(t *testing.T) {
	_, stderr, status := run()
	if status != cli.ExitFailed || !strings.HasPrefix(stderr, "hw-test: the self-test needs Linux") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
