package store

import (
	"time"

	"zhigui/server/internal/store/schema"
)

// ahead is the number of months that have a partition before they begin.
const ahead = 3

// months are the partitions of the months around now, in UTC.
func months(now time.Time, back, ahead int) []schema.Partition {
	now = now.UTC()
	var out []schema.Partition
	for i := -back; i <= ahead; i++ {
		m := time.Date(now.Year(), now.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
		out = append(out, schema.Partition{Name: "P" + m.Format("200601"), Below: NumberAt(m.AddDate(0, 1, 0))})
	}
	return out
}
