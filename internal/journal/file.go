package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long somebody else may be at work in the directory: putting
// one interface back takes milliseconds, a driver's reset a second or two.
const patience = 20 * time.Second

// dir is the journal's directory, with the lock on it if there is one.
type dir struct {
	name string
	boot string
	lock *os.File
}

// place finds the directory and makes it.
func place() (string, error) {
	if name := os.Getenv("RINGWALK_RUN"); name != "" {
		return name, os.MkdirAll(name, 0o755)
	}
	const system = "/run/ringwalk"
	var err error
	if os.Geteuid() == 0 {
		if err = os.MkdirAll(system, 0o755); err == nil && unix.Access(system, unix.W_OK) == nil {
			return system, nil
		}
	}
	run := os.Getenv("XDG_RUNTIME_DIR")
	if run == "" && os.Geteuid() != 0 {
		// The same, where nobody has told: over ssh without PAM.
		if name := fmt.Sprintf("/run/user/%d", os.Geteuid()); unix.Access(name, unix.W_OK) == nil {
			run = name
		}
	}
	if run != "" {
		name := filepath.Join(run, "ringwalk")
		return name, os.MkdirAll(name, 0o700)
	}
	if err == nil {
		err = unix.EACCES
	}
	err = fmt.Errorf("there is no place for the journal of changed interfaces: set RINGWALK_RUN or XDG_RUNTIME_DIR "+
		"to a directory that is emptied at boot (%s: %w)", system, err)
	if os.Geteuid() != 0 {
		err = &placeless{err}
	}
	return "", err
}

// placeless is that a user has no place for a journal, and so no entry in one.
type placeless struct{ error }

func (p *placeless) Unwrap() error { return p.error }

// Is holds for ErrNoPlace.
func (*placeless) Is(target error) bool { return target == ErrNoPlace }

func directory() (*dir, error) {
	name, err := place()
	if err != nil {
		return nil, err
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	return &dir{name: name, boot: boot}, nil
}

// turn is of this process: who waits longest is next, which polling for the
// file's lock would not see to.
var turn = make(chan struct{}, 1)

// lockDir waits until this goroutine of this process alone is at work in the
// directory.
func lockDir() (_ *dir, err error) {
	d, err := directory()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(d.name, "lock")
	end := time.Now().Add(patience)
	select {
	case turn <- struct{}{}:
	case <-time.After(patience):
		return nil, fmt.Errorf("the journal of changed interfaces is locked by another part of this program: %w", unix.EWOULDBLOCK)
	}
	defer func() {
		if err != nil {
			<-turn
		}
	}()
	if d.lock, err = os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, fmt.Errorf("the journal of changed interfaces cannot be locked: %w", err)
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := flock(d.lock, unix.LOCK_EX)
		if err == nil {
			return d, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(end) {
			d.lock.Close()
			return nil, fmt.Errorf("the journal of changed interfaces cannot be locked (fuser %s tells by whom it is): %w", file, err)
		}
		time.Sleep(wait)
	}
}

// unlock ends the work. The lock's file stays: removing it would let two
// processes lock two files of the same name.
func (d *dir) unlock() {
	d.lock.Close()
	<-turn
}

func (d *dir) path(k Key) (string, error) {
	if k.Netns == "" || k.What == "" || strings.ContainsAny(k.Netns+k.What, "./") {
		return "", fmt.Errorf("journal key %+v: %w", k, unix.EINVAL)
	}
	return filepath.Join(d.name, fmt.Sprintf("%s.%s.%d.%s", d.boot, k.Netns, k.Ifindex, k.What)), nil
}

// temporary begins the name of a file that is about to become an entry.
const temporary = "new-"

// entries lists the entries of this boot and removes what is no entry any more:
// those of other boots, and what a killed process was about to write.
func (d *dir) entries() (paths []string, err error) {
	list, err := os.ReadDir(d.name)
	if err != nil {
		return nil, fmt.Errorf("the journal of changed interfaces: %w", err)
	}
	for _, f := range list {
		path := filepath.Join(d.name, f.Name())
		switch parts := strings.Split(f.Name(), "."); {
		case strings.HasPrefix(f.Name(), temporary) && abandoned(path), len(parts) == 4 && parts[0] != d.boot:
			err = errors.Join(err, os.Remove(path))
		case len(parts) == 4:
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths, err
}

// abandoned tells whether a temporary file has no lock: nobody goes on with it.
func abandoned(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return flock(f, unix.LOCK_EX) == nil
}

// open opens and locks an entry that nobody else holds. A *HeldError has the
// holder otherwise; os.ErrNotExist is for no entry.
func open(path string) (*Entry, error) { return openAs(path, unix.LOCK_EX) }

// join shares the lock of an entry whose holders share it.
func join(path string) (*Entry, error) {
	e, err := openAs(path, unix.LOCK_SH)
	if err == nil {
		e.shared = true
	}
	return e, err
}

func openAs(path string, how int) (*Entry, error) {
	for {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		locked := flock(f, how)
		if locked != nil && !errors.Is(locked, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("journal entry %s cannot be locked: %w", path, locked)
		}
		// The holder may have written a new file in the meantime.
		if now, err := os.Stat(path); err != nil || !sameFile(f, now) {
			f.Close()
			continue
		}
		e := &Entry{path: path, file: f}
		if err := json.NewDecoder(f).Decode(e); err != nil {
			f.Close()
			return nil, fmt.Errorf("journal entry %s cannot be read (remove it if nothing is to be put back): %w", path, err)
		}
		if locked != nil {
			f.Close()
			return nil, &HeldError{e.Holder}
		}
		return e, nil
	}
}

func sameFile(f *os.File, other os.FileInfo) bool {
	i, err := f.Stat()
	return err == nil && os.SameFile(i, other)
}

// last tells whether nobody shares the entry any more, and then locks it for
// this process alone. The directory is locked.
func (e *Entry) last() (bool, error) {
	err := flock(e.file, unix.LOCK_EX)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// write makes the entry, or replaces it by what is in e now. The new file is
// locked before it gets its name.
func (e *Entry) write() error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(e.path), temporary)
	if err == nil {
		err = e.replace(f, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("journal entry %s cannot be written: %w", e.path, err)
	}
	return nil
}

func (e *Entry) replace(f *os.File, b []byte) error {
	how := unix.LOCK_EX
	if e.shared {
		how = unix.LOCK_SH
	}
	err := flock(f, how)
	if err == nil {
		err = f.Chmod(0o644) // for those who ask who holds it
	}
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), e.path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if e.file != nil {
		e.file.Close()
	}
	e.file = f
	return nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func self() Holder {
	return Holder{PID: os.Getpid(), Program: filepath.Base(os.Args[0]), Since: time.Now().Truncate(time.Second)}
}
