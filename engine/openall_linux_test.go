package engine_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// Ports opened together share a memory that holds the larger one's frames.
func TestOpenAll(t *testing.T) {
	pair := testnet.Pair(t, &netlab.PairOptions{MTU: 5000})
	err := pair.A.NS.Do(func() error {
		ports, err := engine.OpenAll([]string{"packet:lo", "packet:" + pair.A.Name}, nil)
		if err != nil {
			return err
		}
		for _, p := range ports {
			defer p.Close()
			for _, r := range []*netmap.Ring{p.RX()[0].Ring(), p.TX()[0].Ring()} {
				if id := r.Memory().ID(); id != ports[0].RX()[0].Ring().Memory().ID() {
					t.Errorf("%s is in a memory of its own", p.Info().Spec)
				}
				if r.BufSize() < 65000 { // lo's
					t.Errorf("%s has buffers of %d bytes", p.Info().Spec, r.BufSize())
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// If one cannot be opened, none stays open.
func TestOpenAllFails(t *testing.T) {
	d := netmaptest.New(nil)
	_, err := engine.OpenAll([]string{"vale0:a", "vale0:b", "netmap:none"}, &engine.Config{Device: d})
	if !errors.Is(err, unix.ENXIO) || d.OpenFiles() != 0 {
		t.Errorf("%v, %d descriptors are open", err, d.OpenFiles())
	}
	ports, err := engine.OpenAll([]string{"vale0:a", "vale0:b"}, &engine.Config{Device: d})
	if err != nil || len(ports) != 2 || ports[1].Info().Spec != "vale0:b" {
		t.Fatalf("%d ports, %v", len(ports), err)
	}
	for _, p := range ports {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := engine.OpenAll(nil, nil); err != nil {
		t.Error(err)
	}
}
