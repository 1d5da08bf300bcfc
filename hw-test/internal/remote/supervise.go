package remote

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
)

// SuperviseCommand makes the hidden command that Launcher and Clean run on a
// host.
func SuperviseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "supervise", Short: "run one program for hw-test on another host", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return supervise() },
	}
	cmd.AddCommand(cleanCommand())
	cmd.SetUsageTemplate(cmd.UsageTemplate()) // not the exit statuses of hw-test's own
	return cmd
}

// A supervisor runs one program and ends it when nobody is there any more.
type supervisor struct {
	frames  chan frame // from the other side; closed at its end
	out     *output
	signals chan os.Signal
	ended   chan end // how the program ended, all its output written
	leader  int      // the program's process and its group, 0 before the start
	grace   time.Duration
	stdin   *queue           // for the program, nil if it has none
	lost    bool             // nobody is there any more
	kill    <-chan time.Time // when SIGTERM has not been enough
}

type frame struct {
	kind    kind
	payload []byte
}

// supervise returns when the program and its children have ended.
func supervise() error {
	in, out := pollable(os.Stdin), pollable(os.Stdout)
	s := &supervisor{
		frames: make(chan frame), out: &output{file: out},
		signals: make(chan os.Signal, 4), ended: make(chan end, 1),
	}
	signal.Notify(s.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	// To write where nobody reads would kill, before the program has been ended
	// in order. Caught, and not ignored: that, a program would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// The kernel sends Pdeathsig when the thread ends that started the program.
	runtime.LockOSThread()
	if _, err := fmt.Fprintf(out, "%s\n", hello); err != nil {
		return fmt.Errorf("nobody reads what hw-test supervise prints; it is for hw-test's own use: %w", err)
	}
	go s.read(in)
	return s.loop()
}

// read passes frames on. It ends with the process.
func (s *supervisor) read(in io.Reader) {
	defer close(s.frames)
	for r := bufio.NewReader(in); ; {
		k, payload, err := readFrame(r)
		if err != nil {
			return
		}
		s.frames <- frame{k, payload}
	}
}

func (s *supervisor) loop() error {
	silence := defaultSilence
	patience := time.NewTimer(silence)
	frames := s.frames
	for {
		select {
		case f, more := <-frames:
			if !more {
				frames = nil
				if s.abandoned() {
					return nil
				}
				continue
			}
			switch f.kind {
			case kindStart:
				var o order
				if err := unpack(f.payload, &o); err != nil || s.leader != 0 {
					return fmt.Errorf("an order that makes no sense: %q", f.payload)
				}
				silence, s.grace = o.Silence, o.Grace
				if err := s.start(&o); err != nil {
					return s.out.frame(kindExit, pack(end{Failed: err.Error()}))
				}
			case kindTerm:
				s.terminate()
			case kindStdin, kindEOF:
				if err := s.input(f); err != nil {
					return err
				}
			}
			patience.Reset(silence)
		case <-patience.C:
			if s.abandoned() {
				return nil
			}
		case <-s.signals:
			if s.leader == 0 {
				return nil
			}
			s.terminate()
		case <-s.kill:
			syscall.Kill(-s.leader, syscall.SIGKILL)
		case e := <-s.ended:
			if s.lost {
				return nil
			}
			s.out.file.SetWriteDeadline(time.Now().Add(silence))
			return s.out.frame(kindExit, pack(e))
		}
	}
}

// abandoned ends the program because nobody is there any more, and reports
// whether there is none.
func (s *supervisor) abandoned() bool {
	s.lost = true
	// From now on every write fails, and those that wait, too.
	s.out.file.SetWriteDeadline(time.Unix(1, 0))
	s.terminate()
	return s.leader == 0
}

// terminate asks the program and its children to end, and s.kill sees to it.
func (s *supervisor) terminate() {
	if s.leader != 0 && s.kill == nil {
		syscall.Kill(-s.leader, syscall.SIGTERM)
		s.kill = time.After(s.grace)
	}
}

func (s *supervisor) start(o *order) error {
	cmd, err := carried.Command(context.Background(), o.Name, o.Args...)
	if err != nil {
		return err
	}
	ownGroup(cmd)
	cmd.Stdout, cmd.Stderr = writer{s.out, kindStdout}, writer{s.out, kindStderr}
	cmd.WaitDelay = o.Silence // for output that a daemon keeps open
	var stdin io.WriteCloser  // cmd.Wait closes it
	if o.Stdin {
		if stdin, err = cmd.StdinPipe(); err != nil {
			return err
		}
	}
	s.out.mu.Lock() // kindStarted comes before any output
	defer s.out.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	s.leader = cmd.Process.Pid
	go func() { s.ended <- endOf(waitAll(cmd), cmd) }()
	writeFrame(s.out.file, kindStarted, nil) // if it fails, so does the reading
	if stdin != nil {
		s.stdin = newQueue(window)
		s.stdin.loosen()
		go s.feed(stdin)
	}
	return nil
}

// input keeps what the program is to read. It does not wait for it.
func (s *supervisor) input(f frame) error {
	switch {
	case s.stdin == nil:
		return errors.New("standard input for a program that has none")
	case f.kind == kindEOF:
		s.stdin.end(io.EOF)
		return nil
	}
	if _, err := s.stdin.Write(f.payload); err != nil {
		return fmt.Errorf("more standard input than there is room for: %w", err)
	}
	return nil
}

// feed passes it on as the program reads.
func (s *supervisor) feed(stdin io.WriteCloser) {
	defer stdin.Close()
	for b := make([]byte, chunk); ; {
		n, err := s.stdin.Read(b)
		if err != nil {
			return
		}
		if _, err := stdin.Write(b[:n]); err != nil {
			s.stdin.drop()
			s.out.frame(kindDeaf, nil)
			return
		}
		s.out.frame(kindTaken, binary.BigEndian.AppendUint32(nil, uint32(n)))
	}
}

func endOf(err error, cmd *exec.Cmd) end {
	state := cmd.ProcessState
	if state == nil {
		return end{Failed: err.Error()}
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return end{Failed: "it ended, but something that it started keeps its output open"}
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return end{Signal: ws.Signal().String()}
	}
	return end{Status: state.ExitCode()}
}

// output is the way back, for several writers.
type output struct {
	file *os.File
	mu   sync.Mutex
}

func (o *output) frame(k kind, payload []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return writeFrame(o.file, k, payload)
}

// writer takes one stream of the program's output. It never fails: a program
// that cannot write would die of it, before it has put things back.
type writer struct {
	out *output
	k   kind
}

func (w writer) Write(b []byte) (int, error) {
	w.out.frame(w.k, b)
	return len(b), nil
}

// pollable is f such that a deadline applies.
func pollable(f *os.File) *os.File {
	fd := f.Fd()
	if err := syscall.SetNonblock(int(fd), true); err != nil && !errors.Is(err, syscall.EINVAL) {
		return f
	}
	return os.NewFile(fd, f.Name())
}
