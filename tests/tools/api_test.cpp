// The C interface through a program in C99, and the samples.
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/default_model.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

using namespace lorikeet;
using nlohmann::json;

#define NEED_DEVICE() \
  if (!test::test_device()) LK_SKIP(no_device, "the C interface")

TEST_CASE("the C interface does what its header says") {
  NEED_DEVICE();
  const auto model =
      test::write_tiny_model("lorikeet-tiny-api", {.layers = 1, .hidden = 32, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(model);
  const auto user = test::run_program({{LORIKEET_API_USER, model.string()}, {}, {}});
  INFO(user.out << user.err);
  CHECK(user.status == 0);
}

TEST_CASE("the samples run") {
  NEED_DEVICE();
  const auto device = test::run_program({{LORIKEET_SAMPLE_DEVICE}, {}, {}});
  CHECK(device.status == 0);
  CHECK(device.out.find("opened ") != std::string::npos);
  const auto graph = test::run_program({{LORIKEET_SAMPLE_GRAPH}, {}, {}});
  INFO(graph.out << graph.err);
  CHECK(graph.status == 0);
  const auto model =
      test::write_tiny_model("lorikeet-tiny-sample", {.layers = 1, .hidden = 32, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(model);
  const auto chat = test::run_program({{LORIKEET_SAMPLE_CHAT, model.string(), "Hello"}, {}, {}});
  INFO(chat.err);
  CHECK(chat.status == 0);
  CHECK(chat.out.starts_with("> Hello\n"));
  const auto nano = test::run_program({{LORIKEET_SAMPLE_CHAT}, {}, {}});
  INFO(nano.err);
  CHECK(nano.status == (lorikeet::default_model() ? 0 : 1));
}

TEST_CASE("the C interface answers about pictures as recorded") {
  NEED_DEVICE();
  const auto parrot = test::shared_golden("parrot");
  if (!parrot) LK_SKIP(no_shared_goldens, "parrot");
  for (const char* name : {"ru_landscape", "zh_portrait_rgba", "ar_square_jpeg"}) {
    INFO(name);
    const json expected = json::parse(std::ifstream(*parrot / "cases" / (std::string(name) + ".json")));
    std::string question = expected["messages"].back()["value"], ids = "ids:";
    question.erase(0, std::string("<image>\n").size());
    for (const auto& id : expected["generated_ids"]) ids += " " + std::to_string(id.get<int>());
    const auto user =
        test::run_program({{LORIKEET_API_USER, (*parrot / "model-fp32").string(),
                            (*parrot / "pictures" / expected["picture"].get<std::string>()).string(), question},
                           {},
                           {}});
    INFO(user.out << user.err);
    CHECK(user.status == 0);
    CHECK(user.out.starts_with(ids + "\n"));
  }
}

TEST_CASE("the C interface answers with adapters as the program does") {
  NEED_DEVICE();
  const auto dynmole = test::shared_golden("dynmole");
  if (!dynmole) LK_SKIP(no_shared_goldens, "dynmole");
  const std::string base = (*dynmole / "base").string(), first = (*dynmole / "adapters/dynmole").string(),
                    second = (*dynmole / "adapters/lora").string();
  const auto user = test::run_program({{LORIKEET_API_USER, "adapters", base, first, second}, {}, {}});
  INFO(user.out << user.err);
  CHECK(user.status == 0);
  const auto program = test::lorikeet({"generate", "-m", base, "--adapter", first, "--tokens", "1,346,347,300,67,298",
                                       "--max-tokens", "8", "--ignore-eos", "--json"});
  REQUIRE(program.status == 0);
  const json answer = json::parse(program.out);
  std::string ids = "ids:";
  for (const auto& id : answer["token_ids"]) ids += " " + std::to_string(id.get<int>());
  CHECK(user.out.starts_with(ids + "\n"));
}

TEST_CASE("the samples about pictures run") {
  NEED_DEVICE();
  const auto parrot = test::shared_golden("parrot");
  if (!parrot) LK_SKIP(no_shared_goldens, "parrot");
  std::string said;
  for (const char* sample : {LORIKEET_SAMPLE_PICTURE, LORIKEET_SAMPLE_PICTURE_C}) {
    const auto got = test::run_program({{sample, (*parrot / "pictures/house_landscape.png").string(),
                                         "What is in this picture?", (*parrot / "model-fp32").string()},
                                        {},
                                        {}});
    INFO(got.err);
    CHECK(got.status == 0);
    CHECK(got.out.find("expert 0: 75.4 %") != std::string::npos);
    CHECK((said.empty() || said == got.out));
    said = got.out;
    CHECK(test::run_program({{sample}, {}, {}}).status == 2);
  }
  const auto none = test::run_program({{LORIKEET_SAMPLE_PICTURE_C, "/no/such/picture.png", "What?", "model"}, {}, {}});
  CHECK(none.status == 1);
  CHECK(none.err == "/no/such/picture.png cannot be read.\n");
}
