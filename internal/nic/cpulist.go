package nic

import (
	"strconv"
	"strings"
)

// CPUList reads a list of CPUs as the kernel writes it, such as "0-3,8": ok is
// false for what is none, for a CPU above 8191 and for far more CPUs than that.
// An empty text is none.
func CPUList(s string) (list []int, ok bool) {
	const most = 8192
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		lo, err := strconv.Atoi(first)
		hi := lo
		if err == nil && isRange {
			hi, err = strconv.Atoi(last)
		}
		if err != nil || lo < 0 || hi < lo || hi >= most || len(list) > most {
			return nil, false
		}
		for n := lo; n <= hi; n++ {
			list = append(list, n)
		}
	}
	return list, true
}

// WriteCPUs writes CPUs as CPUList reads them: "0-3,8" for 0, 1, 2, 3 and 8.
func WriteCPUs(cpus []int) string {
	var b strings.Builder
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(cpus[i]))
		if j > i {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(cpus[j]))
		}
		i = j + 1
	}
	return b.String()
}
