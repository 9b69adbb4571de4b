package main

import (
	"context"
	"os"
	"slices"
	"time"

	"zhigui/server/api/code"
	"zhigui/server/internal/certificate"
	"zhigui/server/internal/store"
)

// certificatesJob is the lease of the server that tells of certificates: they have the same.
const certificatesJob = "job.certificates"

// pairFailed is told of a new certificate that cannot be served; the one before stays.
func (s *services) pairFailed(err error) {
	s.log.Error("a new certificate cannot be used; the one before stays", "error", err.Error())
}

// watchCertificates raises an alarm for each certificate that ends within a month, critical when it is over, and
// clears it when the file has another.
func (s *services) watchCertificates(ctx context.Context) {
	s.every(ctx, certificatesJob, time.Hour, s.lookAtCertificates)
}

func (s *services) lookAtCertificates(ctx context.Context, now time.Time) {
	open, err := s.st.OpenAlarms(ctx, code.CertificateEnds) // what another server, or this one before a restart, has told
	if err != nil {
		s.log.Error("alarm", "error", err.Error())
		return
	}
	told := map[string]bool{}
	for _, a := range open {
		told[a.ID] = true
	}
	files := slices.DeleteFunc(s.c.Certificates(), func(f string) bool { // defaults of a role that is not here
		_, err := os.Stat(f)
		return os.IsNotExist(err)
	})
	ending, unread := certificate.Ending(files, now)
	for _, err := range unread {
		s.log.Error("certificates", "error", err.Error())
	}
	still := map[string]bool{}
	for _, c := range ending {
		a := store.Alarm{ID: "certificate-" + c.Digest[:32], Code: code.CertificateEnds, Severity: "warning", Module: "certificate", Detail: c.File + ": " + c.Subject + ", until " + c.Until.UTC().Format(time.DateTime), At: now.UTC(), Received: now.UTC()}
		if c.Until.Before(now) {
			a.ID, a.Severity = "certificate-over-"+c.Digest[:32], "critical"
		}
		still[a.ID] = true
		if !told[a.ID] && s.certificateAlarm(ctx, a) {
			s.log.Warn("a certificate ends", "file", c.File, "subject", c.Subject, "until", c.Until)
		}
	}
	for _, a := range open {
		if a.Cleared = true; !still[a.ID] {
			s.certificateAlarm(ctx, *a)
		}
	}
}

func (s *services) certificateAlarm(ctx context.Context, a store.Alarm) bool {
	if err := s.st.SetAlarm(ctx, &a); err != nil {
		s.log.Error("alarm", "error", err.Error())
		return false
	}
	s.broker.Publish("alarm", "")
	return true
}
