// Package vm runs a command in a virtual machine that lives for that command
// alone: a kernel of the user's choice, in it this very binary as the first
// process, and netmap's modules if they are given.
//
//	host                                    guest
//	┌──────────────────────┐  initramfs    ┌───────────────────────────────┐
//	│ Run                  ├──────────────▶│ /init: hw-test, by Init       │
//	│  kernel, modules,    │               │   mounts, loads modules       │
//	│  files and libraries │  console      │   runs the command            │
//	│  ──▶ a cpio archive  │◀──────────────┤     pktgen, rcv, hw-test,     │
//	│  in memory           │  last lines   │     builtins, included files  │
//	│                      │               │                               │
//	│  stdout, stderr,     │  channel      │   its output and its status   │
//	│  exit status         │◀──────────────┤   as frames                   │
//	└──────────────────────┘               └───────────────────────────────┘
//
// The machine is QEMU's, for a bzImage, or User-Mode Linux, whose kernel is an
// ordinary program; the file says which. Console and channel are two serial
// lines. The console is the kernel's, and is shown only where the guest fails.
// On the channel every byte belongs to a frame:
//
//	kind (1 byte)  length (4, big-endian)  payload
//	'i'            0                       init has started
//	's'            0                       the shell has the console from now on
//	'o', 'e'       n                       standard output, standard error
//	'x'            1                       the exit status, the last frame
//	'f'            n                       init failed: why; the last frame
//
// The other way there is one byte, 3, which interrupts the command (SIGINT).
//
// Output is the same to the byte, and there is an exit status only if the
// guest said one: QEMU's own status is 0 even after a panic.
//
// The host kills the machine when it has the last frame. Nothing is written to disk, but for User-Mode Linux's own directory, and the
// machine dies with this process, so nothing is left behind however it ends.
//
// This works on Linux; elsewhere Run fails with errors.ErrUnsupported.
package vm
