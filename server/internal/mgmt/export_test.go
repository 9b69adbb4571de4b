package mgmt

import "github.com/go-chi/chi/v5"

// Routes are those that the service answers.
func (s *Service) Routes() chi.Routes { return s.mux }
