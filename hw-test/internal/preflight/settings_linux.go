package preflight

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/nic"
)

// A kindOf setting is read and written as text, so that what was and what is
// can be compared and remembered. Name and port are those of the Setting.
type kindOf struct {
	get func(a *at, s *Setting) (string, error)
	set func(a *at, s *Setting, value string) error
}

// at is where a setting is: a port, or for the host's e is nil.
type at struct {
	m    *Machine
	e    Ethtool
	port string
}

var kinds = map[string]kindOf{
	"offload": {
		func(a *at, s *Setting) (string, error) {
			all, err := nic.Features(a.e, a.port)
			if err != nil {
				return "", err
			}
			f, known := all[s.Name]
			if !known {
				return "", unix.EOPNOTSUPP
			}
			// What was asked for, not what is: another feature that is off may
			// hold this one back.
			return word(f.Requested), nil
		},
		func(a *at, s *Setting, v string) error { return a.e.Change(a.port, map[string]bool{s.Name: v == "on"}) },
	},
	"rings": {
		func(a *at, _ *Setting) (string, error) {
			r, err := a.e.GetRing(a.port)
			return fmt.Sprintf("%d,%d", r.RxPending, r.TxPending), err
		},
		func(a *at, _ *Setting, v string) error {
			r, err := a.e.GetRing(a.port)
			if err != nil {
				return err
			}
			if _, err := fmt.Sscanf(v, "%d,%d", &r.RxPending, &r.TxPending); err != nil {
				return err
			}
			_, err = a.e.SetRing(a.port, r)
			return err
		},
	},
	"pause": {
		func(a *at, _ *Setting) (string, error) {
			p, err := a.e.GetPause(a.port)
			return strings.Join([]string{onOff(p.Autoneg), onOff(p.RxPause), onOff(p.TxPause)}, ","), err
		},
		func(a *at, _ *Setting, v string) error {
			p, err := a.e.GetPause(a.port)
			if err != nil {
				return err
			}
			if err := bits(v, &p.Autoneg, &p.RxPause, &p.TxPause); err != nil {
				return err
			}
			_, err = a.e.SetPause(a.port, p)
			return err
		},
	},
	"coalescing": {
		func(a *at, _ *Setting) (string, error) {
			c, err := a.e.GetCoalesce(a.port)
			return onOff(c.UseAdaptiveRxCoalesce) + "," + onOff(c.UseAdaptiveTxCoalesce), err
		},
		func(a *at, _ *Setting, v string) error {
			c, err := a.e.GetCoalesce(a.port)
			if err != nil {
				return err
			}
			if err := bits(v, &c.UseAdaptiveRxCoalesce, &c.UseAdaptiveTxCoalesce); err != nil {
				return err
			}
			_, err = a.e.SetCoalesce(a.port, c)
			return err
		},
	},
	"irq":      file("proc/irq/%s/smp_affinity_list"),
	"governor": file(cpuDir + "/cpufreq/%s/scaling_governor"),
}

// file is a setting that is a file with the setting's name in its path.
func file(path string) kindOf {
	return kindOf{
		func(a *at, s *Setting) (string, error) {
			b, err := os.ReadFile(a.m.path(fmt.Sprintf(path, s.Name)))
			return strings.TrimSpace(string(b)), err
		},
		func(a *at, s *Setting, v string) error {
			f, err := os.OpenFile(a.m.path(fmt.Sprintf(path, s.Name)), os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString(v + "\n")
			if e := f.Close(); err == nil {
				err = e
			}
			return err
		},
	}
}

func word(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// bits reads what onOff wrote, separated by commas.
func bits(v string, to ...*uint32) error {
	words := strings.Split(v, ",")
	if len(words) != len(to) {
		return fmt.Errorf("%s are not %d words: %w", strconv.Quote(v), len(to), unix.EINVAL)
	}
	for i, w := range words {
		*to[i] = 0
		if w == "on" {
			*to[i] = 1
		}
	}
	return nil
}

func (a *at) get(s *Setting) (string, error) {
	k, known := kinds[s.What]
	if !known {
		return "", fmt.Errorf("setting %q: %w", s.What, unix.EINVAL)
	}
	return k.get(a, s)
}

func (a *at) set(s *Setting, value string) error { return kinds[s.What].set(a, s, value) }
