package pcap

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"
)

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{60, 1514} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			q := writing(b, "/dev/null", 513, 2048)
			defer q.Close()
			r := q.Ring()
			for i := range r.Slots() {
				r.Slots()[i].Len = uint16(size)
			}
			for n := 0; n < b.N; n += 512 {
				r.Advance(512)
				if err := q.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			perPacket(b)
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []int{60, 1514} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "x.pcap")
			frames := make([][]byte, 1<<14)
			for i := range frames {
				frames[i] = frame(i, size)
			}
			write(b, file, frames)
			q := reading(b, file, 513, 2048)
			defer func() { q.Close() }()
			b.ResetTimer()
			for n := 0; n < b.N; {
				err := q.Sync()
				if err == io.EOF {
					b.StopTimer()
					q.Close()
					q = reading(b, file, 513, 2048)
					b.StartTimer()
				} else if err != nil {
					b.Fatal(err)
				}
				n += q.Ring().Space()
				q.Ring().Advance(q.Ring().Space())
			}
			perPacket(b)
		})
	}
}

func perPacket(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/pkt")
}
