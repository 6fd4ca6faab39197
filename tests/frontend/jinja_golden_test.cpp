// Recorded renderings: exact to the byte, and errors where jinja2 gives errors.
#include <fstream>

#include <nlohmann/json.hpp>

#include "frontend/chat/chat_template.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

using namespace lorikeet;
using Json = nlohmann::ordered_json;

namespace {

Json read(const char* name) { return Json::parse(std::ifstream(test::golden(name))); }

// A case has `rendered` or `error`; of errors only those that the template itself raises have a fixed message.
void check(const std::string& source, const Json& variables, const Json& expected) {
  INFO("template: " << source);
  const auto parsed = ChatTemplate::parse(source);
  const Result<std::string> result = parsed ? parsed->render(variables) : Result<std::string>(parsed.error());
  if (expected.contains("rendered")) {
    INFO((result ? std::string() : result.error().message));
    REQUIRE(result.ok());
    CHECK(*result == expected["rendered"].get<std::string>());
    return;
  }
  CHECK_FALSE(result.ok());
  const std::string raised = "TemplateError: ", error = expected["error"];
  if (!result && error.starts_with(raised)) CHECK(result.error().message == error.substr(raised.size()));
}

void check_constructs(const char* name, size_t at_least) {
  const Json golden = read(name);
  REQUIRE(golden["cases"].size() >= at_least);
  for (const Json& each : golden["cases"])
    check(each["template"], each.contains("variables") ? each["variables"] : golden["variables"], each);
}

}  // namespace

TEST_CASE("jinja: single constructs render as recorded") { check_constructs("templates/jinja.json", 74); }

TEST_CASE("jinja: chat templates of eight models render as recorded") {
  const Json golden = read("templates/templates.json");
  REQUIRE(golden.size() == 8);
  for (const Json& each : golden) {
    INFO("model: " << each["template"].get<std::string>());
    for (const Json& one : each["cases"]) check(each["source"], one["variables"], one);
  }
}

TEST_CASE("jinja: many more constructs render as jinja2 does") { check_constructs("templates/more.json", 2200); }
