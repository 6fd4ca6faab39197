// The interface around the template language: conversations, errors with their places, limits.
#include <chrono>

#include "frontend/chat/chat_template.h"
#include "runtime/base/text.h"
#include "tests/support/catch.h"

using namespace lorikeet;
using Json = nlohmann::ordered_json;

namespace {

std::string rendered(std::string_view source, const Json& variables = Json::object()) {
  const auto parsed = ChatTemplate::parse(source);
  INFO((parsed ? std::string() : parsed.error().message));
  REQUIRE(parsed.ok());
  const auto result = parsed->render(variables);
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return *result;
}

std::string error_of(std::string_view source, const Json& variables = Json::object(), const RenderLimits& limits = {}) {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed) return parsed.error().message;
  const auto result = parsed->render(variables, limits);
  REQUIRE_FALSE(result.ok());
  return result.error().message;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("chat: the default template writes ChatML") {
  const auto parsed = ChatTemplate::parse(kDefaultChatTemplate);
  REQUIRE(parsed.ok());
  const std::vector<ChatMessage> messages = {{"system", "Be kind."}, {"user", "Hi"}};
  const auto prompt = render_chat(*parsed, messages);
  REQUIRE(prompt.ok());
  CHECK(*prompt == "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  const auto closed = render_chat(*parsed, messages, {.add_generation_prompt = false});
  REQUIRE(closed.ok());
  CHECK_FALSE(has(*closed, "assistant"));
}

TEST_CASE("chat: the variables of a conversation are those of Hugging Face") {
  const auto parsed = ChatTemplate::parse(
      "{{ bos_token }}|{{ eos_token is defined }}|{{ tools is none }}|{{ documents is none }}|{{ add_generation_prompt "
      "}}|"
      "{{ enable_thinking }}|{{ messages|map(attribute='content')|join(',') }}");
  REQUIRE(parsed.ok());
  ChatOptions options;
  options.bos_token = "<s>";
  options.extra = {{"enable_thinking", false}};
  const auto prompt = render_chat(
      *parsed, Json::parse(R"([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])"), options);
  REQUIRE(prompt.ok());
  CHECK(*prompt == "<s>|False|True|True|True|False|a,b");
  CHECK_FALSE(render_chat(*parsed, Json("text")).ok());
  options.extra = 3;
  CHECK_FALSE(render_chat(*parsed, Json::array(), options).ok());
}

TEST_CASE("chat: a tokenizer configuration names its template") {
  CHECK(*chat_template_source(Json{{"chat_template", "x"}}) == "x");
  CHECK(*chat_template_source(Json::parse(
            R"({"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]})")) ==
        "d");
  for (const char* text :
       {"{}", "[]", R"({"chat_template": null})", R"({"chat_template": [1, {"name": "default"}]})"}) {
    const auto source = chat_template_source(Json::parse(text));
    REQUIRE_FALSE(source.ok());
    CHECK(source.error().code == ErrorCode::not_found);
  }
}

TEST_CASE("chat: errors say the line and what is wrong") {
  CHECK(error_of("a\nb\n{{ x.y }}") == "[chat template] line 3: 'x' is undefined.");
  CHECK(error_of("{% for x in l %}") == "[chat template] line 1: 'for' is not closed: expected 'endfor' or 'else'.");
  CHECK(error_of("\n{{ 1 + }}") == "[chat template] line 2: expected an expression, found }}.");
  CHECK(error_of("{{ 'abc }}") == "[chat template] line 1: a string has no end.");
  CHECK(error_of("{% nope %}") == "[chat template] line 1: the tag 'nope' is unknown or closes nothing here.");
  CHECK(error_of("{{ 1|nope }}") == "[chat template] line 1: there is no filter 'nope'.");
  CHECK(error_of("\n\n{{ 'a' + 1 }}") == "[chat template] line 3: '+' does not work on str and int.");
  CHECK(error_of("{% include 'x' %}") ==
        "[chat template] line 1: 'include' needs other templates, and there are none.");
  CHECK(error_of("{{ raise_exception('Only this, exactly.') }}") == "Only this, exactly.");
  CHECK(error_of("\xff") == "[chat template] the source is not valid UTF-8.");
  CHECK(has(error_of(std::string(600 * 1024, 'a')), "the limit is"));
  CHECK(has(error_of("a", Json::array()), "must be an object"));
}

TEST_CASE("chat: any template ends") {
  const char* hostile[] = {
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{{ 'a' * 10000000000 }}",
      "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(200) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m(n) %}{{ m(n + 1) ~ m(n + 1) }}{% endmacro %}{{ m(0) }}",
      "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      ("{% set ns = namespace() %}{% set ns.x = 'a'|list %}{% for i in range(100000) %}{% set ns.x = ns.x|map('upper') "
       "%}{% endfor %}{{ ns.x|list }}"),
      "{{ '%1000000000d' % 1 }}",
      "{{ '{:1000000000}'.format(1) }}",
      "{{ 'x'.center(100000000000) }}",
      "{{ 'a'|indent(10000000000, true) }}",
      "{{ ('a' * 30000000).replace('a', 'b' * 1000) }}",
      "{% set n, h = 'a' * 100000 + 'b', 'a' * 3000000 %}{% for i in range(100000) %}{{ n in h }}{% endfor %}",
      "{{ 10 ** 100000 }}",
      "{{ 9 ** 99 ** 99 }}",
      "{{ range(1000000) }}",
      "{{ [1]|batch(1000000000000, 0)|list }}",
      "{{ [1]|slice(1000000000000)|list }}",
      "{% set x %}{% for i in range(100000) %}{{ 'a' * 1000 }}{% endfor %}{% endset %}",
      "{% for i in range(100000) %}{{ 'a' * 1000 }}{% endfor %}",
      "{% set ns = namespace(j=joiner()) %}{% for i in range(100000) %}{% set ns.j = joiner(ns.j) %}{% endfor %}",
      "{% set ns = namespace(j=1) %}{% for i in range(100000) %}{% set ns.j = cycler(ns.j) %}{% endfor %}",
  };
  RenderLimits limits;  // the form of the defaults, but faster under sanitizers
  limits.steps = 1'000'000;
  limits.memory = size_t(128) << 20;
  for (const char* source : hostile) {
    INFO(source);
    const auto start = std::chrono::steady_clock::now();
    CHECK(has(error_of(source, Json::object(), limits), "[chat template] line 1: "));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
  }
}

TEST_CASE("chat: nesting is refused before the stack ends") {
  const auto nested = [](std::string_view open, std::string_view middle, std::string_view close, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += open;
    out += middle;
    for (int i = 0; i < times; ++i) out += close;
    return out;
  };
  CHECK(has(error_of("{{ " + nested("(", "1", ")", 5000) + " }}"), "nested too deeply"));
  CHECK(has(error_of("{{ " + nested("[", "", "]", 5000) + " }}"), "nested too deeply"));
  CHECK(has(error_of("{{ " + nested("not ", "1", "", 5000) + " }}"), "nested too deeply"));
  CHECK(has(error_of("{{ " + nested("-", "1", "", 5000) + " }}"), "nested too deeply"));
  CHECK(has(error_of("{{ " + nested("1 if 1 else ", "1", "", 5000) + " }}"), "nested too deeply"));
  CHECK(has(error_of("{{ " + nested("f(", "", ")", 5000) + " }}"), "nested too deeply"));
  CHECK(has(error_of("{{ 1" + nested("+1", "", "", 5000) + " }}"), "too deep"));
  CHECK(has(error_of("{{ a" + nested(".a", "", "", 5000) + " }}"), "too deep"));
  CHECK(has(error_of("{{ a" + nested("|upper", "", "", 5000) + " }}"), "too deep"));
  CHECK(has(error_of(nested("{% if 1 %}", "", "{% endif %}", 5000)), "nested too deeply"));
  CHECK(rendered("{{ " + nested("(", "1", ")", 40) + " }}") == "1");
  CHECK(rendered("{{ 1" + nested("+1", "", "", 200) + " }}") == "201");
  CHECK(rendered("{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}").size() ==
        31 * 2 + 10);
  Json deep = 1;
  for (int i = 0; i < 1000; ++i) deep = Json::array({deep});
  CHECK(has(error_of("{{ x }}", {{"x", deep}}), "nested more than"));
}

TEST_CASE("chat: values that refer to themselves are let go of") {
  CHECK(
      has(rendered("{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.l = [ns] %}{{ ns.me.me.l|length }}"), "1"));
  CHECK(has(rendered("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}"), "..."));
  CHECK(rendered("{% for x in [1, 2] %}{{ loop.changed(loop) }}{% endfor %}") == "TrueFalse");
  CHECK(
      rendered("{% set ns = namespace() %}{% for x in [1] %}{% set ns.loop = loop %}{% endfor %}{{ ns.loop.index }}") ==
      "1");
}

TEST_CASE("chat: variables keep their order and their values") {
  const Json variables = Json::parse(R"({"d": {"z": 1, "a": [1.5, null, true, -3, 18446744073709551615]}})");
  CHECK(rendered("{{ d }}", variables) == "{'z': 1, 'a': [1.5, None, True, -3, 18446744073709551615]}");
  CHECK(rendered("{{ d|tojson }}", variables) == R"({"z": 1, "a": [1.5, null, true, -3, 18446744073709551615]})");
  Json broken;
  broken["x"] = std::string("a\xff\xe4\xbd") + "b";
  CHECK(rendered("{{ x|length }}{{ x }}", broken) ==
        "4a\xef\xbf\xbd\xef\xbf\xbd"
        "b");
  Json large;
  for (int i = 0; i < 100; ++i) large["d"][join("k", i)] = i;
  CHECK(rendered("{{ d.k7 }} {{ d['k99'] }} {{ d.k100 is defined }} {{ d|length }} {{ 'k50' in d }}", large) ==
        "7 99 False 100 True");
}

TEST_CASE("chat: strftime_now shows the time it is given") {
  const auto parsed = ChatTemplate::parse("{{ strftime_now('%Y') }}{{ strftime_now('') }}");
  REQUIRE(parsed.ok());
  RenderLimits limits;
  limits.now = 86400 * 200;
  const auto result = parsed->render(Json::object(), limits);
  REQUIRE(result.ok());
  CHECK(*result == "1970");
}

TEST_CASE("chat: long conversations render in milliseconds") {
  const auto parsed = ChatTemplate::parse(
      "{%- for m in messages %}{%- if m.role == 'user' or m['role'] == 'assistant' and m.content is string %}"
      "{{- '<|im_start|>' + m.role + '\\n' + m.content|trim + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}");
  REQUIRE(parsed.ok());
  std::vector<ChatMessage> messages;
  for (int i = 0; i < 1000; ++i) messages.push_back({i % 2 ? "assistant" : "user", std::string(500, 'x') + " "});
  const auto start = std::chrono::steady_clock::now();
  const auto prompt = render_chat(*parsed, messages);
  REQUIRE(prompt.ok());
  CHECK(prompt->size() > 500'000);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));  // milliseconds, but not under sanitizers
}
