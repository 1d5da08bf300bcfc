package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Resolve finds the interfaces of all ports on this host, and what of name, PCI
// address, MAC address and driver the file does not say; root is where sys is
// mounted, "/" on a running system. The error joins *Error, one for each port
// that is not found or not clear. Environments other than Local have nothing to
// resolve here.
func (l *Lab) Resolve(root string) error {
	if l.Environment != Local {
		return nil
	}
	devices, err := interfaces(filepath.Join(root, "sys/class/net"))
	if err != nil {
		return fmt.Errorf("the interfaces of this host cannot be listed: %w", err)
	}
	var errs []error
	owner := map[string]string{}
	for i := range l.Nodes {
		n := &l.Nodes[i]
		for j := range n.Ports {
			p := &n.Ports[j]
			text := p.resolve(devices)
			who := n.Name + "." + p.Name
			if other := owner[p.Interface]; text == "" && other != "" {
				text = fmt.Sprintf("it is %s, and so is %s", p.Interface, other)
			}
			if text != "" {
				errs = append(errs, &Error{File: l.File, Line: p.at.line, Column: p.at.column, Text: "port " + who + ": " + text})
				continue
			}
			if p.Interface != "" {
				owner[p.Interface] = who
			}
		}
	}
	return errors.Join(errs...)
}

// A device is an interface as sysfs shows it.
type device struct {
	name, pci, mac, driver string
	physical               bool // it is of a device, not made by software
}

func interfaces(dir string) ([]device, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var devices []device
	for _, e := range list {
		mac, err := os.ReadFile(filepath.Join(dir, e.Name(), "address"))
		if err != nil {
			continue // bonding_masters is a file here
		}
		d := device{name: e.Name(), mac: strings.TrimSpace(string(mac))}
		if real, err := filepath.EvalSymlinks(filepath.Join(dir, e.Name(), "device")); err == nil {
			d.physical = true
			// The nearest of its parents with a PCI address: a virtio interface
			// is a device below the PCI function.
			for at := real; at != "/" && at != "."; at = filepath.Dir(at) {
				if pciAddress.MatchString(filepath.Base(at)) {
					d.pci = filepath.Base(at)
					break
				}
			}
			if driver, err := os.Readlink(filepath.Join(real, "driver")); err == nil {
				d.driver = filepath.Base(driver)
			}
		}
		devices = append(devices, d)
	}
	return devices, nil
}

// resolve fills the port in, or says why it cannot.
func (p *Port) resolve(devices []device) string {
	var what string
	var fits func(device) bool
	switch {
	case p.Interface != "":
		what, fits = "interface "+p.Interface, func(d device) bool { return d.name == p.Interface }
	case p.PCI != "":
		what, fits = "an interface at PCI address "+p.PCI, func(d device) bool { return d.pci == p.PCI }
	case p.MAC != "":
		what, fits = "an interface with MAC address "+p.MAC, func(d device) bool { return d.mac == p.MAC }
	default:
		return ""
	}
	var found []device
	for _, d := range devices {
		if fits(d) {
			found = append(found, d)
		}
	}
	// VLANs, bridges and bonds have the address of the NIC below them.
	if physical := slices.DeleteFunc(slices.Clone(found), func(d device) bool { return !d.physical }); len(found) > 1 && len(physical) > 0 {
		found = physical
	}
	switch len(found) {
	case 0:
		return fmt.Sprintf("this host has not %s (ip -br link, lspci -D)", what)
	case 1:
		p.Interface, p.PCI, p.MAC, p.Driver = found[0].name, found[0].pci, found[0].mac, found[0].driver
		return ""
	}
	var names []string
	for _, d := range found {
		names = append(names, d.name)
	}
	return fmt.Sprintf("this host has %s more than once: %s; say interface instead", what, list(names))
}
