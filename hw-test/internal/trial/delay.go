package trial

import "encoding/json"

// Delay is how long frames were on their way, from pktgen's clock to rcv's.
type Delay struct {
	Count  uint64 `json:"count"` // frames
	MinNS  int64  `json:"min_ns"`
	MeanNS int64  `json:"mean_ns"`
	P50NS  int64  `json:"p50_ns"`
	P90NS  int64  `json:"p90_ns"`
	P99NS  int64  `json:"p99_ns"`
	P999NS int64  `json:"p999_ns"`
	MaxNS  int64  `json:"max_ns"`
}

// delayOf finds the one-way delay in what rcv printed, nil if it is not there:
// because the ends' clocks are apart, or nothing came.
func delayOf(rcv []byte) *Delay {
	var r struct {
		Probe struct {
			Delay struct {
				OneWay *Delay `json:"one_way"`
			} `json:"delay"`
		} `json:"probe"`
	}
	if json.Unmarshal(rcv, &r) != nil {
		return nil
	}
	return r.Probe.Delay.OneWay
}
