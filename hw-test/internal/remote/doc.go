// Package remote runs programs on other hosts over ssh, with what every host
// has: sshd.
//
//	here                                 the host
//	┌─────────┐  one ssh connection   ┌──────┐  stdin, stdout
//	│  Host   ├─────(jump hosts)─────▶│ sshd ├────────▶ hw-test supervise
//	└─────────┘  keepalive            └──────┘                 │ pipes, own
//	 Launcher: start, beats, term ───────────────────────────▶ │ process group
//	 Converse: standard input ───────────────────────────────▶ │
//	           ◀──────────────── output, exit status or signal │
//	                                                           ▼
//	                                                    pktgen, rcv, …
//
// Dial checks the host's key, logs in, asks what the host is and puts a copy
// of hw-test there, unless it is there already. Then each program has a
// supervisor on the host, which ends the program and its children when its
// standard input ends (the connection broke, or this process died, be it by
// kill -9) and when no beat came for Config.Silence (the network is cut, which
// sshd alone would notice after hours). A supervisor that is itself killed takes
// the program with it, but not children of it that do not see to that, as those
// of hw-test do.
//
// Copies stay on the host, also those of other versions, so that the next Dial
// finds its own. Clean removes them, and says what of other runs is there; that
// is for after a crash of the controller.
//
// # Host keys
//
// Only a key in a known_hosts file is accepted. One that is missing there and
// one that differs are two errors, and both say what to compare and what to
// do. Nothing turns this off.
//
// # What is read of ssh's configuration
//
// ~/.ssh/config and then /etc/ssh/ssh_config, as ssh does, for these keywords:
// HostName, User, Port, IdentityFile, IdentitiesOnly, IdentityAgent,
// ProxyJump, HostKeyAlias, UserKnownHostsFile, GlobalKnownHostsFile, in Host,
// Match host, Match all and Include. Where ignoring would reach another host or
// trust a wrong one the host is refused: ProxyCommand, RevokedHostKeys,
// CanonicalizeHostname, KnownHostsCommand, and any other Match. All other
// keywords are ignored; StrictHostKeyChecking is one of them and always counts
// as yes.
//
// There are no passwords: keys come from the agent or from files, and a file
// that is protected by a passphrase only by way of the agent.
package remote
