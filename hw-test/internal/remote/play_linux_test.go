package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
)

// TestMain makes the test binary what hw-test is: on a host, where its file has
// a name of ours, the supervisor; and the programs below, by their names.
func TestMain(m *testing.M) {
	name := sshtest.Program(os.Args[0])
	switch {
	case name == "hw-test":
		if os.Args[1] == "agent" {
			fmt.Println("hw-test is", os.Args[1])
			os.Exit(0)
		}
		if os.Args[1] == "supervise" {
			c := SuperviseCommand()
			c.SetArgs(os.Args[2:])
			if c.Execute() != nil {
				os.Exit(1)
			}
		}
		os.Exit(0)
	case plays[name] != nil:
		plays[name](os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var plays = map[string]func(args []string){
	"play-args": func(args []string) { json.NewEncoder(os.Stdout).Encode(args) },
	"play-exit": func(args []string) {
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		status, _ := strconv.Atoi(args[0])
		os.Exit(status)
	},
	"play-die": func(args []string) {
		n, _ := strconv.Atoi(args[0])
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		time.Sleep(time.Hour)
	},
	// play-flood writes much to both, in turns. Further arguments are to find
	// it by.
	"play-flood": func(args []string) {
		n, _ := strconv.Atoi(args[0])
		for range n >> 16 {
			os.Stdout.Write(bytes.Repeat([]byte{'o'}, 1<<16))
			os.Stderr.Write(bytes.Repeat([]byte{'e'}, 1<<16))
		}
	},
	// play-stay has a child, and both are hard to end once it is ready. The last
	// argument is there to find them by.
	"play-stay": func(args []string) {
		signal.Ignore(syscall.SIGTERM)
		child := exec.Command("/proc/self/exe")
		child.Args = append([]string{"play-sleep"}, args...)
		ready, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err == nil { // before, SIGTERM would end it
			_, err = ready.Read(make([]byte, 1))
		}
		if err != nil {
			panic(err)
		}
		fmt.Println("ready")
		for { // a broken pipe must not be what ends it
			time.Sleep(50 * time.Millisecond)
			fmt.Fprintln(os.Stderr, "stays")
		}
	},
	"play-sleep": func([]string) {
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	},
	// play-result goes on until SIGTERM, and then has a result.
	"play-result": func([]string) {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, "play-result: ready: says a test")
		<-term
		fmt.Println(`{"packets": 7}`)
	},
	"play-echo": func([]string) { io.Copy(os.Stdout, os.Stdin) },
	// play-sum reads to the end and then says how much that was.
	"play-sum": func(args []string) {
		n, err := io.Copy(io.Discard, os.Stdin)
		fmt.Println(n, err)
		os.Exit(len(args))
	},
	"play-rpc": func([]string) {
		rpc.RegisterName("Play", rpcPlay{})
		rpc.ServeConn(struct {
			io.Reader
			io.WriteCloser
		}{os.Stdin, os.Stdout})
	},
	// play-deaf closes its standard input and stays.
	"play-deaf": func([]string) {
		os.Stdin.Close()
		fmt.Println("ready")
		time.Sleep(time.Hour)
	},
	// play-leave leaves a child behind.
	"play-leave": func(args []string) {
		child := exec.Command("/proc/self/exe")
		child.Args = append([]string{"play-sleep"}, args...)
		child.Start()
	},
	// play-orderly takes SIGTERM as a program should: it puts something back,
	// which takes a moment, and says so.
	"play-orderly": func(args []string) {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Println("ready")
		<-term
		for range 5 {
			time.Sleep(50 * time.Millisecond)
			fmt.Println("putting back")
			fmt.Fprintln(os.Stderr, "putting back")
		}
		os.WriteFile(args[0], []byte("put back"), 0o600)
	},
	// play-controller dials and runs a program, or talks to it if the fourth
	// argument says so, and does not end by itself.
	"play-controller": func(args []string) {
		var c Config
		if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
			panic(err)
		}
		h, err := Dial(context.Background(), Target{Host: args[1], User: "root"}, &c)
		if err != nil {
			panic(err)
		}
		if len(args) > 3 && args[3] == "talk" {
			c, err := h.Converse(context.Background(), "play-stay", args[2:], nil)
			if err != nil {
				panic(err)
			}
			io.Copy(os.Stdout, c)
		}
		if _, err := h.Launcher()(context.Background(), "play-stay", args[2:], os.Stdout, io.Discard); err != nil {
			panic(err)
		}
		time.Sleep(time.Hour)
	},
}

type rpcPlay struct{}

func (rpcPlay) Add(in [2]int, out *int) error { *out = in[0] + in[1]; return nil }
