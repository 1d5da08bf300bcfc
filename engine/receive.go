package engine

import "fmt"

// checkReceive refuses what no backend could receive by.
func (c *Config) checkReceive() error {
	for _, a := range c.Multicast {
		if len(a) != 6 || a[0]&1 == 0 {
			return fmt.Errorf("%v is no multicast address of Ethernet: its first octet is to be odd", a)
		}
	}
	if c.Timestamps > HardwareTimestamps {
		return fmt.Errorf("%d is no kind of Timestamps: want NoTimestamps to HardwareTimestamps", c.Timestamps)
	}
	return checkFilter(c.Filter)
}

// packetOnly names what is asked for that no other backend has, "" if nothing is.
func (c *Config) packetOnly() string {
	switch {
	case c.Filter != nil:
		return "a filter"
	case len(c.Multicast) > 0 || c.AllMulticast:
		return "membership in groups by multicast address"
	}
	return ""
}
