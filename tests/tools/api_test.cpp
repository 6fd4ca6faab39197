// The C interface through a program in C99, and the samples.
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

using namespace lorikeet;

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
  CHECK(test::run_program({{LORIKEET_SAMPLE_CHAT}, {}, {}}).status == 2);
}

TEST_CASE("the sample about pictures runs") {
  NEED_DEVICE();
  const auto parrot = test::shared_golden("parrot");
  if (!parrot) LK_SKIP(no_shared_goldens, "parrot");
  const auto got = test::run_program({{LORIKEET_SAMPLE_PICTURE, (*parrot / "model-fp32").string(),
                                       (*parrot / "pictures/house_landscape.png").string(), "What is in this picture?"},
                                      {},
                                      {}});
  INFO(got.err);
  CHECK(got.status == 0);
  CHECK(got.out.find("expert 0: 75.4 %") != std::string::npos);
  CHECK(test::run_program({{LORIKEET_SAMPLE_PICTURE}, {}, {}}).status == 2);
}
