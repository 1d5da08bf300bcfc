package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Resolve does what ResolveWith does for the nodes of environment Local, with
// the interfaces of this host; root is where sys is mounted, "/" on a running
// system. Environments that are made for the test have nothing to resolve. For
// SSH it is an error, for those interfaces are not here.
func (l *Lab) Resolve(root string) error {
	switch l.Environment {
	case Local:
		return l.ResolveWith(func(string) ([]Device, error) { return Devices(root) })
	case SSH:
		return &Error{File: l.File, Text: "its ports are on other hosts (environment ssh), and this is for ports of this host"}
	}
	return nil
}

// ResolveWith finds the interfaces of all ports, and what of name, PCI address,
// MAC address and driver the file does not say. list is asked once for each host
// for its interfaces, by Host.Name, or "" for this host. The error joins what
// list says of hosts, and *Error for each port that is not found or not clear.
func (l *Lab) ResolveWith(list func(host string) ([]Device, error)) error {
	type place struct{ host, name string }
	owner := map[place]string{}
	asked := map[string][]Device{}
	failed := map[string]bool{}
	var errs []error
	for i := range l.Nodes {
		n := &l.Nodes[i]
		for j := range n.Ports {
			p := &n.Ports[j]
			if p.Interface+p.PCI+p.MAC == "" {
				continue
			}
			devices, known := asked[n.Host]
			if !known && !failed[n.Host] {
				var err error
				if devices, err = list(n.Host); err != nil {
					errs = append(errs, fmt.Errorf("the interfaces of %s cannot be listed: %w", hostName(n.Host), err))
					failed[n.Host] = true
				}
				asked[n.Host] = devices
			}
			if failed[n.Host] {
				continue
			}
			text := p.resolve(hostName(n.Host), devices)
			who := n.Name + "." + p.Name
			if other := owner[place{n.Host, p.Interface}]; text == "" && other != "" {
				text = fmt.Sprintf("it is %s, and so is %s", p.Interface, other)
			}
			if text != "" {
				errs = append(errs, &Error{File: l.File, Line: p.at.line, Column: p.at.column, Text: "port " + who + ": " + text})
				continue
			}
			owner[place{n.Host, p.Interface}] = who
		}
	}
	return errors.Join(errs...)
}

func hostName(host string) string {
	if host == "" {
		return "this host"
	}
	return "host " + host
}

// A Device is an interface of a host, as sysfs shows it.
type Device struct {
	Name     string `json:"name"`
	PCI      string `json:"pci"`
	MAC      string `json:"mac"`
	Driver   string `json:"driver"`
	Physical bool   `json:"physical"` // it is of a device, not made by software
}

// Devices are the interfaces of this host; root is where sys is mounted.
func Devices(root string) ([]Device, error) {
	dir := filepath.Join(root, "sys/class/net")
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	devices := []Device{}
	for _, e := range list {
		mac, err := os.ReadFile(filepath.Join(dir, e.Name(), "address"))
		if err != nil {
			continue // bonding_masters is a file here
		}
		d := Device{Name: e.Name(), MAC: strings.TrimSpace(string(mac))}
		if real, err := filepath.EvalSymlinks(filepath.Join(dir, e.Name(), "device")); err == nil {
			d.Physical = true
			// The nearest of its parents with a PCI address: a virtio interface
			// is a device below the PCI function.
			for at := real; at != "/" && at != "."; at = filepath.Dir(at) {
				if pciAddress.MatchString(filepath.Base(at)) {
					d.PCI = filepath.Base(at)
					break
				}
			}
			if driver, err := os.Readlink(filepath.Join(real, "driver")); err == nil {
				d.Driver = filepath.Base(driver)
			}
		}
		devices = append(devices, d)
	}
	return devices, nil
}

// resolve fills the port in, or says why it cannot.
func (p *Port) resolve(host string, devices []Device) string {
	var what string
	var fits func(Device) bool
	lister := "ip -br link"
	switch {
	case p.Interface != "":
		what, fits = "interface "+p.Interface, func(d Device) bool { return d.Name == p.Interface }
	case p.PCI != "":
		what, fits = "interface at PCI address "+p.PCI, func(d Device) bool { return d.PCI == p.PCI }
		lister = "lspci -D"
	default:
		what, fits = "interface with MAC address "+p.MAC, func(d Device) bool { return d.MAC == p.MAC }
	}
	var found []Device
	for _, d := range devices {
		if fits(d) {
			found = append(found, d)
		}
	}
	// VLANs, bridges and bonds have the address of the NIC below them.
	if physical := slices.DeleteFunc(slices.Clone(found), func(d Device) bool { return !d.Physical }); len(found) > 1 && len(physical) > 0 {
		found = physical
	}
	switch len(found) {
	case 0:
		return fmt.Sprintf("%s has no %s: %s there lists them", host, what, lister)
	case 1:
		p.Interface, p.PCI, p.MAC, p.Driver = found[0].Name, found[0].PCI, found[0].MAC, found[0].Driver
		return ""
	}
	var names []string
	for _, d := range found {
		names = append(names, d.Name)
	}
	return fmt.Sprintf("%s has more than one %s: %s; say interface instead", host, what, list(names))
}
