package remote

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// begin is printed before anything that is ours: a shell's startup files may
// print, too.
const begin = "==ringwalk=="

// prelude begins every script. It looks where a directory for programs may be,
// by a word or a path, and computes sums with what the system has.
const prelude = `LC_ALL=C; export LC_ALL; umask 077; PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin;
where() { case $1 in
	cache) echo "${XDG_CACHE_HOME:-$HOME/.cache}/ringwalk";;
	tmp) echo "${TMPDIR:-/tmp}/ringwalk-$(id -u)";;
	*) echo "$1/ringwalk-$(id -u)";;
	esac; };
sum() {
	if command -v sha256sum >/dev/null; then sha256sum; elif command -v shasum >/dev/null; then shasum -a 256; else sha256 -q; fi | cut -c1-64;
};
echo ` + begin + `; `

// script runs a script by the host's sh and returns the lines that it prints.
// body has no ', ! and \, and becomes one line, so that every login shell, csh
// and fish too, passes it on as it is.
func (h *Host) script(ctx context.Context, body string, stdin []byte, args ...string) ([]string, error) {
	s, err := h.session()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { s.Close() })()
	command := strings.NewReplacer("\n", " ", "\t", "").Replace("exec /bin/sh -c '" + prelude + body + "' sh")
	for _, a := range args {
		command += " " + quote(a)
	}
	stdout, stderr := bounded{end: cancel}, bounded{end: cancel}
	s.Stdout, s.Stderr, s.Stdin = &stdout, &stderr, bytes.NewReader(stdin)
	err = s.Run(command)
	// A script that fails does not read its input to the end, which is an
	// error here; what it printed counts.
	_, text, ours := strings.Cut(string(stdout.text), begin+"\n")
	switch _, exited := err.(*ssh.ExitError); {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("run a script on %s: %w", h.name, context.Cause(ctx))
	case err != nil && !exited && (!ours || text == ""):
		if lost := h.lost(); lost != nil {
			return nil, lost
		}
		return nil, fmt.Errorf("run a script on %s: %w", h.name, err)
	case !ours:
		return nil, fmt.Errorf("%s runs no /bin/sh for us: it said %q (is the account meant for logins?)",
			h.name, strings.TrimSpace(string(stderr.text)+string(stdout.text)))
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
}

// mostOutput is ample for what a script or Clean prints.
const mostOutput = 1 << 20

// bounded keeps what a host prints. It ends the work of a host that prints more
// than that, for it would take all memory.
type bounded struct {
	text []byte
	end  context.CancelCauseFunc
}

// Write never fails.
func (b *bounded) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > mostOutput {
		b.end(fmt.Errorf("it prints more than %d bytes", mostOutput))
		return len(p), nil
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// quote makes s one word of sh.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
