package qdisc

// Create sets a root qdisc of any kind, as Swap would.
func Create(l Link, kind string, handle Handle) error {
	c, err := dial(l)
	if err != nil {
		return err
	}
	defer c.close()
	return c.create(kind, handle, Root, nil)
}

// Remove deletes the root qdisc of that handle.
func Remove(l Link, handle Handle) error {
	c, err := dial(l)
	if err != nil {
		return err
	}
	defer c.close()
	return c.remove(handle)
}

// Restorable, Bucket and Decode are for tests without a kernel.
var (
	Restorable = restorable
	Bucket     = bucket
	Decode     = decode
)
