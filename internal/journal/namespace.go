package journal

// Namespace names the calling thread's network namespace for a Key: by the
// cookie that the kernel gives no second namespace until the next boot
// (SO_NETNS_COOKIE), or by its inode on kernels before 5.14.
func Namespace() (string, error) { return namespace() }

// In runs f in the entry's namespace: on the calling thread if that is there
// already, else on a thread that enters it and ends with f. Namespaces are
// looked for in /run/netns and in all processes. ErrGone says that it is not
// among them.
func (e *Entry) In(f func() error) error { return inNamespace(e.Key.Netns, f) }
