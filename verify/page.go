package verify

// Page is what a report shows: JUnit XML and HTML. Report and Kill may be nil.
type Page struct {
	Title       string
	Environment Environment
	Seconds     float64
	Report      *Report
	Kill        *KillReport
}

// Err is what speaks against the page: against its run, or its kill matrix.
func (p Page) Err() error {
	if p.Report != nil {
		if err := p.Report.Err(); err != nil {
			return err
		}
	}
	if p.Kill != nil {
		return p.Kill.Err()
	}
	return nil
}
