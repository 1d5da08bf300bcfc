package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Env is the environment variable that names the directory of all results;
// "none" keeps none.
const Env = "RINGWALK_RESULTS"

// NoDir is the name of no directory.
const NoDir = "none"

// Base is where results go by default: what the environment says, or
// ringwalk/results in the user's state directory (XDG Base Directory
// Specification), or, for who has no home, in the directory of temporary files.
func Base() string {
	if d := os.Getenv(Env); d != "" {
		return d
	}
	if d := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "ringwalk", "results")
	}
	if d, err := os.UserHomeDir(); err == nil {
		if st, err := os.Stat(d); err == nil && st.IsDir() {
			return filepath.Join(d, ".local", "state", "ringwalk", "results")
		}
	}
	return filepath.Join(temporary(), "results")
}

// temporary is this user's directory among everybody's temporary ones.
func temporary() string { return filepath.Join(os.TempDir(), fmt.Sprintf("ringwalk-%d", userID())) }

// claim makes sure that a directory where everybody may make some is this
// user's alone: what somebody else laid there, such as a link, is not followed.
func claim(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	st, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); !ok || !st.IsDir() || int(sys.Uid) != os.Getuid() || st.Mode()&0o022 != 0 {
		return fmt.Errorf("%s is there (%v), and no directory of this user's alone", path, st.Mode())
	}
	return nil
}

// A Dir is the directory of one session, owned by one goroutine.
type Dir struct {
	path   string
	trials map[string]int // written so far, by suite
}

// most bounds the directories that one second may have.
const most = 1000

// Create makes a new directory below base, named after the time and what is
// run. It never is one that was there.
func Create(base, what string, now time.Time) (*Dir, error) {
	var err error
	if filepath.Dir(base) == temporary() {
		err = claim(temporary())
	}
	if err == nil {
		err = os.MkdirAll(base, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("make the directory for results (--results DIR chooses another, --results none keeps none): %w", err)
	}
	name := now.UTC().Format("20060102T150405Z") + "-" + what
	for i := 1; ; i++ {
		path := filepath.Join(base, name)
		if i > 1 {
			path += fmt.Sprintf("-%d", i)
		}
		err := os.Mkdir(path, 0o755)
		if errors.Is(err, fs.ErrExist) && i < most {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("make the directory for results (--results DIR chooses another, --results none keeps none): %w", err)
		}
		if path, err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("find the directory for results: %w", err)
		}
		return &Dir{path: path, trials: map[string]int{}}, nil
	}
}

// Path is the directory's, absolute.
func (d *Dir) Path() string { return d.path }

// Trial writes everything of one trial and returns the file's name relative to
// the directory. Trials count from 1 in each suite.
func (d *Dir) Trial(suite string, v any) (string, error) {
	d.trials[suite]++
	name := filepath.Join("trials", fmt.Sprintf("%s-%04d.json", suite, d.trials[suite]))
	return name, d.JSON(name, v)
}

// JSON writes v as an indented object to a new file of that name.
func (d *Dir) JSON(name string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return d.File(name, b.Bytes())
}

// File writes a new file of that name, whole or not at all.
func (d *Dir) File(name string, b []byte) (err error) {
	path := filepath.Join(d.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write results: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	// A link fails where the name is taken, a rename would write over it.
	err = link(f.Name(), path)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported) {
		err = exclusive(path, b)
	}
	if err != nil {
		return err
	}
	return os.Remove(f.Name())
}

// link is os.Link, which file systems such as FAT and some shares lack.
var link = os.Link

// exclusive writes a file that was not there. Only a crash leaves a part of it.
func exclusive(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Load reads a session from its directory, or from its results.json.
func Load(path string) (*Session, error) {
	if !strings.HasSuffix(path, ".json") {
		path = filepath.Join(path, "results.json")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	var head struct {
		Tool   string `json:"tool"`
		Format int    `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("%s is no results.json: %w", path, err)
	}
	if head.Tool != "hw-test" || head.Format != Format {
		return nil, fmt.Errorf("%s: written by %q in format %d, this build reads hw-test's format %d", path, head.Tool, head.Format, Format)
	}
	s := new(Session)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s is no results.json: %w", path, err)
	}
	return s, nil
}
