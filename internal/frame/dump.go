package frame

import (
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Dump describes a frame layer by layer, with the bytes of each in
// hexadecimal. b may be any bytes at all.
func Dump(link Link, b []byte) string {
	first := gopacket.Decoder(layers.LinkTypeEthernet)
	if link == Payload {
		first = gopacket.LayerTypePayload
	}
	return gopacket.NewPacket(b, first, gopacket.Default).Dump()
}
