package exact

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestContractTextHasItsVersion(t *testing.T) {
	text, err := os.ReadFile("CONTRACT.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("# The arithmetic contract, version %d\n", ContractVersion); !strings.HasPrefix(string(text), want) {
		t.Errorf("CONTRACT.md does not begin with %q", want)
	}
}
