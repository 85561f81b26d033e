// Answers CEL cases, one JSON object a line, as the API server's own admission CEL environment does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"
	plugin "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

type named struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

type question struct {
	Expression string          `json:"expression"`
	Variables  json.RawMessage `json:"variables"`
	// What `variables` is made of.
	Composed []named `json:"composed"`
}

type answer struct {
	Refused string `json:"refused,omitempty"`
	Error   string `json:"error,omitempty"`
	Value   any    `json:"value,omitempty"`
}

type expression struct{ name, text string }

func (e *expression) GetName() string          { return e.name }
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
	case *types.Type:
		return []any{"type", v.TypeName()}
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
	return []any{value.Type().TypeName()}
}

// Allows what a verb `get` asks; errs about the verb `err`.
type getters struct{}

func (getters) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	switch a.GetVerb() {
	case "get":
		return authorizer.DecisionAllow, "allowed " + a.GetUser().GetName() + " " + a.GetResource() + a.GetPath(), nil
	case "err":
		return authorizer.DecisionNoOpinion, "", errors.New("no answer")
	}
	return authorizer.DecisionDeny, "denied " + a.GetNamespace() + "/" + a.GetName() + "/" + a.GetSubresource(), nil
}

type requested struct{}

func (requested) GetName() string      { return "web" }
func (requested) GetNamespace() string { return "shop" }
func (requested) GetResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}
func (requested) GetSubresource() string { return "" }

var options = plugin.OptionalVariableDeclarations{HasParams: true, HasAuthorizer: true}

func compiler(q question, plain *plugin.CompositedCompiler) (*plugin.CompositedCompiler, *answer) {
	if len(q.Composed) == 0 {
		return plain, nil
	}
	own, err := plugin.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		panic(err)
	}
	for _, one := range q.Composed {
		result := own.CompileAndStoreVariable(&expression{one.Name, one.Expression}, options, environment.NewExpressions)
		if result.Error != nil {
			return nil, &answer{Refused: result.Error.Detail}
		}
	}
	return own, nil
}

func answered(plain *plugin.CompositedCompiler, q question) (said answer) {
	// The checker panics on some expressions; an API server does not store such a policy.
	defer func() {
		if failure := recover(); failure != nil {
			said = answer{Refused: fmt.Sprint("panic: ", failure)}
		}
	}()
	own, refused := compiler(q, plain)
	if refused != nil {
		return *refused
	}
	compiled := own.CompileCELExpression(&expression{"", q.Expression}, options, environment.NewExpressions)
	if compiled.Error != nil {
		return answer{Refused: compiled.Error.Detail}
	}
	variables := map[string]any{"object": nil, "oldObject": nil, "request": nil, "namespaceObject": nil, "params": nil}
	if err := kjson.Unmarshal(q.Variables, &variables); err != nil {
		panic(err)
	}
	bob := &user.DefaultInfo{Name: "bob"}
	variables["authorizer"] = library.NewAuthorizerVal(bob, getters{})
	variables["authorizer.requestResource"] = library.NewResourceAuthorizerVal(bob, getters{}, requested{})
	variables["variables"] = own.CreateContext(context.Background()).Variables(variables)
	value, _, err := compiled.Program.Eval(variables)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Value: shown(value)}
}

func main() {
	plain, err := plugin.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			panic(err)
		}
		if err := out.Encode(answered(plain, q)); err != nil {
			panic(err)
		}
	}
}
