// Any text as a chat template: it is refused, or it renders, or it fails with a sentence, within its limits.
#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

#include "frontend/chat/chat_template.h"
#include "tests/support/fuzz.h"
#include "tests/support/golden.h"

using namespace lorikeet;
using Json = nlohmann::ordered_json;

int main() {
  const auto read = [](const char* name) { return Json::parse(std::ifstream(test::golden(name))); };
  const Json single = read("templates/jinja.json"), more = read("templates/more.json"),
             models = read("templates/templates.json");
  std::vector<std::string> seeds;
  for (const Json& each : single["cases"]) seeds.push_back(each["template"]);
  for (const Json& each : more["cases"]) seeds.push_back(each["template"]);
  for (const Json& each : models) seeds.push_back(each["source"]);
  Json variables = single["variables"];
  variables["messages"] = variables["ms"];
  variables["add_generation_prompt"] = true;
  variables["bos_token"] = "<s>";
  RenderLimits limits;
  limits.steps = 20'000;
  limits.text = size_t(1) << 20;
  limits.memory = size_t(8) << 20;
  return test::fuzz("template_fuzz", seeds, [&](std::span<const std::byte> data) {
    const auto parsed = ChatTemplate::parse({reinterpret_cast<const char*>(data.data()), data.size()});
    if (!parsed) {
      if (parsed.error().message.empty() || parsed.error().code == ErrorCode::internal) std::abort();
      return;
    }
    const auto rendered = parsed->render(variables, limits);
    if (!rendered && rendered.error().code == ErrorCode::internal) std::abort();
    if (rendered && rendered->size() > limits.text) std::abort();
  });
}
