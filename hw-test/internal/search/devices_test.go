package search

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// A device is a simulated one: what it loses of n frames at a rate.
type device func(rate float64, d time.Duration, n uint64) (lost uint64)

// on measures on a device with a perfect tester.
func (dev device) measure(_ context.Context, rate float64, d time.Duration) (Outcome, error) {
	n := uint64(math.Max(1, math.Round(rate*d.Seconds())))
	return Outcome{Kind: Valid, Sent: n, Lost: min(n, dev(rate, d, n))}, nil
}

// capacity passes up to a rate and loses the surplus, but for what a buffer
// takes, in frames.
func capacity(most, buffer float64) device {
	return func(rate float64, d time.Duration, _ uint64) uint64 {
		return uint64(max(0, (rate-most)*d.Seconds()-buffer))
	}
}

// periodic loses every nth frame, counted over all trials.
func periodic(nth uint64) device {
	var seen uint64
	return func(_ float64, _ time.Duration, n uint64) uint64 {
		before := seen / nth
		seen += n
		return seen/nth - before
	}
}

// noisy is another device that in a share of its trials loses a few more.
func noisy(dev device, share float64, seed uint64) device {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(rate float64, d time.Duration, n uint64) uint64 {
		lost := dev(rate, d, n)
		if r.Float64() < share {
			lost += 1 + uint64(r.IntN(20))
		}
		return lost
	}
}

// collapsing passes much less when overloaded than it could.
func collapsing(most float64) device {
	return func(rate float64, d time.Duration, n uint64) uint64 {
		if rate <= most {
			return 0
		}
		return uint64(float64(n) * (1 - 0.1*most/rate))
	}
}

// sum loses what both lose.
func sum(a, b device) device {
	return func(rate float64, d time.Duration, n uint64) uint64 { return a(rate, d, n) + b(rate, d, n) }
}

// hole is another device that also loses within a span of rates.
func hole(dev device, from, to float64) device {
	return func(rate float64, d time.Duration, n uint64) uint64 {
		if rate >= from && rate <= to {
			return n / 10
		}
		return dev(rate, d, n)
	}
}
