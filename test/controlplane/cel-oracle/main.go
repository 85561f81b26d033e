// Answers CEL cases, one JSON object a line, as the API server's own admission CEL environment does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	kjson "k8s.io/apimachinery/pkg/util/json"
	plugin "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

type question struct {
	Expression string          `json:"expression"`
	Variables  json.RawMessage `json:"variables"`
}

type answer struct {
	Refused string `json:"refused,omitempty"`
	Error   string `json:"error,omitempty"`
	Value   any    `json:"value,omitempty"`
}

type expression struct{ text string }

func (e *expression) GetExpression() string    { return e.text }
func (e *expression) ReturnTypes() []*cel.Type { return []*cel.Type{cel.AnyType} }

// What a value is, as a pair of its type and its text or members.
func shown(value ref.Val) any {
	switch v := value.(type) {
	case types.Bool:
		return []any{"bool", bool(v)}
	case types.Int:
		return []any{"int", strconv.FormatInt(int64(v), 10)}
	case types.Uint:
		return []any{"uint", strconv.FormatUint(uint64(v), 10)}
	case types.Double:
		switch {
		case math.IsNaN(float64(v)):
			return []any{"double", "NaN"}
		case math.IsInf(float64(v), 0):
			return []any{"double", strconv.FormatFloat(float64(v), 'g', -1, 64)}
		}
		return []any{"double", float64(v)}
	case types.String:
		return []any{"string", string(v)}
	case types.Bytes:
		return []any{"bytes", fmt.Sprintf("%x", []byte(v))}
	case types.Null:
		return []any{"null"}
	case types.Timestamp:
		return []any{"timestamp", v.Time.UTC().Format(time.RFC3339Nano)}
	case types.Duration:
		return []any{"duration", strconv.FormatInt(v.Duration.Nanoseconds(), 10)}
	case *types.Optional:
		if !v.HasValue() {
			return []any{"optional"}
		}
		return []any{"optional", shown(v.GetValue())}
	case traits.Lister:
		members := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			members = append(members, shown(it.Next()))
		}
		return []any{"list", members}
	case traits.Mapper:
		members := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			members = append(members, []any{shown(key), shown(v.Get(key))})
		}
		return []any{"map", members}
	}
	return []any{value.Type().TypeName(), fmt.Sprint(value.Value())}
}

func answered(compiler plugin.Compiler, q question) answer {
	compiled := compiler.CompileCELExpression(&expression{q.Expression},
		plugin.OptionalVariableDeclarations{HasParams: true}, environment.NewExpressions)
	if compiled.Error != nil {
		return answer{Refused: compiled.Error.Detail}
	}
	variables := map[string]any{"object": nil, "oldObject": nil, "request": nil, "namespaceObject": nil, "params": nil}
	if err := kjson.Unmarshal(q.Variables, &variables); err != nil {
		panic(err)
	}
	value, _, err := compiled.Program.Eval(variables)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Value: shown(value)}
}

func main() {
	compiler := plugin.NewCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			panic(err)
		}
		if err := out.Encode(answered(compiler, q)); err != nil {
			panic(err)
		}
	}
}
