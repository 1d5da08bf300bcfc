package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// Cleaned is what Clean did on a host and what it left; lists are never null in
// JSON.
type Cleaned struct {
	Ended   []Process `json:"ended"`   // ran at first and do not any more
	Running []Process `json:"running"` // are there still
	Removed []string  `json:"removed"` // copies of hw-test, and directories, but for what only Dial has put there
	Kept    []Kept    `json:"kept"`    // copies that stay, for a reason
}

// A Process on a host runs from a copy of hw-test.
type Process struct {
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"` // by the host's clock
	Command string    `json:"command"`
	From    string    `json:"from"` // the address that its connection came from, "" if not known
	// Connection is what sshd says of that, one for all processes of a run.
	Connection string `json:"connection"`

	parent int
	exe    string
}

// A Kept is a file that was not removed.
type Kept struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// left is what hw-test prints on the host.
type left struct {
	Cleaned
	Failed []string `json:"failed"` // to remove, as os.Remove puts it
}

const placesScript = `
for w in "$@"; do where "$w"; done;`

// Clean puts the host back to how it was before any Dial: it sees to the end of
// what runs from copies of hw-test for other connections of this user, and
// removes all copies and half-written ones, those of other versions too, from
// the cache directory, the one for temporary files and Config.CacheDir, and
// these directories if nothing else is in them. After it nothing can be started
// over h any more; what runs goes on.
//
// A program whose controller has died, or lost its connection, is ended by its
// supervisor, at the latest after that controller's Silence and Grace. So
// Clean need not guess whose connection lives: while there are programs of
// others it waits so long, by this Config's Silence, and what is there still
// belongs to a run that goes on, maybe another person's. That is reported, and
// the copy it runs from stays. With force it is ended: SIGTERM, and after three
// seconds SIGKILL; to its controller the programs have ended by themselves.
//
// A run is known by its processes: one that has connected and at this moment
// runs nothing loses its copy, and has to connect again. On systems other than
// Linux processes are not seen: none is waited for or ended, and copies that
// run are kept, but for h's own. Nor are those seen of another host that shares
// the home directory: there, Config.CacheDir has to be a local one.
//
// waits, unless it is nil, is called with that time if there is something to
// wait for.
//
// The error wraps the errno of what could not be removed though nobody uses it;
// all else has been done then.
func (h *Host) Clean(ctx context.Context, force bool, waits func(time.Duration)) (Cleaned, error) {
	places := []string{"cache", "tmp"}
	if h.config.CacheDir != "" {
		places = append(places, h.config.CacheDir)
	}
	dirs, err := h.script(ctx, placesScript, nil, places...)
	if err != nil {
		return Cleaned{}, err
	}
	fail := func(err error) error { return fmt.Errorf("clean %s: %w", h.name, err) }
	patience := h.config.Silence + h.config.Grace + time.Second
	args := []string{"supervise", "clean", "--wait=" + patience.String()}
	if force {
		args = append(args, "--force")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stdout, stderr := bounded{end: cancel}, notice{waits: waits, patience: patience}
	wait, err := h.Launcher()(ctx, "hw-test", append(append(args, "--"), dirs...), &stdout, &stderr)
	if err != nil {
		return Cleaned{}, fail(err)
	}
	status, err := wait()
	switch {
	case ctx.Err() != nil:
		return Cleaned{}, fail(context.Cause(ctx))
	case err != nil:
		return Cleaned{}, fail(fmt.Errorf("hw-test there %w", err))
	case status != 0:
		return Cleaned{}, fail(fmt.Errorf("hw-test there ended with status %d and said: %s", status, &stderr))
	}
	var l left
	if err := json.Unmarshal(stdout.text, &l); err != nil {
		return Cleaned{}, fail(fmt.Errorf("what hw-test there printed: %w", err))
	}
	l.Removed = h.news(l.Removed)
	var failed []error
	for _, said := range l.Failed {
		failed = append(failed, removeError(said))
	}
	if err := cli.Join(failed...); err != nil {
		return l.Cleaned, fail(err)
	}
	return l.Cleaned, nil
}

// news is what was removed and is not of this connection.
func (h *Host) news(removed []string) []string {
	list := append([]string{}, h.removed...)
	for _, path := range removed {
		if !h.copied || filepath.Base(path) != filepath.Base(h.path) {
			list = append(list, path)
		}
	}
	last := len(list) - 1
	if h.copied && last == 0 && filepath.Base(list[last]) == filepath.Base(filepath.Dir(h.path)) {
		return list[:last] // the copy's directory, if nothing else was in any
	}
	return list
}

// waiting is what hw-test says on the host, once, when it has to wait.
const waiting = "waiting\n"

// A notice is a Tail that tells of waiting and does not keep it.
type notice struct {
	Tail
	waits    func(time.Duration)
	patience time.Duration
}

func (n *notice) Write(b []byte) (int, error) {
	if string(b) == waiting {
		if n.waits != nil {
			n.waits(n.patience)
		}
		return len(b), nil
	}
	return n.Tail.Write(b)
}

// removeError gives what the host said its errno back.
func removeError(said string) error {
	for errno, remedy := range map[syscall.Errno]string{
		syscall.EROFS:  "it stays until that is mounted to be written to",
		syscall.EACCES: "it stays until the directory may be written to",
		syscall.EPERM:  "it stays; is it immutable (lsattr)?",
	} {
		if rest, ok := strings.CutSuffix(said, errno.Error()); ok {
			return fmt.Errorf("%s%w: %s", rest, errno, remedy)
		}
	}
	return errors.New(said)
}
