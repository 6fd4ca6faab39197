// lorikeet finetune --method full as a user meets it: a model goes in and a trained one comes out.
#include <nlohmann/json.hpp>

#include "frontend/training/loss_curve.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

using namespace lorikeet;
using nlohmann::json;
using test::failure;

namespace {

using Arguments = std::vector<std::string>;
using Path = std::filesystem::path;

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string tiny_model() {
  const auto path =
      test::write_tiny_model("lorikeet-tiny-full", {.layers = 1, .hidden = 32, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(path);
  return path.string();
}

std::string bytes(const Path& file) {
  const auto text = read_text(file);
  REQUIRE(text);
  return *text;
}

std::vector<LossPoint> losses(const Path& out) { return read_loss_csv(bytes(out / "loss.csv"), 1000); }

}  // namespace

#define NEED_DEVICE() \
  if (!test::test_device()) LK_SKIP(no_device, "finetune")

TEST_CASE("finetune --method full: a quantised file is trained, killed, resumed, and loaded again") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  folder.write("data.jsonl", "{\"text\": \"The sky is blue.\"}\n{\"text\": \"Grass is green.\"}\n");
  const std::string model = (folder / "tiny.gguf").string(), data = (folder / "data.jsonl").string();
  REQUIRE(test::lorikeet({"convert", "-m", tiny_model(), model, "--type", "q8_0"}).status == 0);
  const auto call = [&](const std::string& out) {
    return Arguments{"finetune", "-m",       model,          data,       "--method", "full",
                     "--train",  "blk\\..*", "--train",      "output.*", "--lr",     "5e-3",
                     "--steps",  "8",        "--save-every", "1",        "--out",    (folder / out).string()};
  };
  const auto whole = test::lorikeet(call("whole"));
  INFO(whole.err);
  REQUIRE(whole.status == 0);
  CHECK(says(whole.err, "trained: 10 tensors, "));
  CHECK(says(whole.err, "7 of 10 tensors are q8_0 in the files; they are trained and written in f32"));
  CHECK(says(whole.out, "; the model is in "));
  CHECK(losses(folder / "whole").back().cross_entropy < losses(folder / "whole").front().cross_entropy);
  const std::string trained = (folder / "whole" / "model.gguf").string();
  CHECK(test::lorikeet({"generate", "-m", trained, "The sky", "--max-tokens", "2"}).status == 0);

  test::killed_when_there(call("cut"), folder / "cut" / "checkpoint.safetensors");
  const auto resumed = test::lorikeet(call("cut") + Arguments{"--resume"});
  INFO(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK(says(resumed.err, "resumed after step "));
  const bool same_bits = bytes(folder / "cut" / "model.gguf") == bytes(trained);
  CHECK(same_bits);
}

TEST_CASE("finetune --method full: what cannot be trained is a sentence") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  folder.write("data.jsonl", "{\"text\": \"The sky is blue.\"}\n");
  const Arguments call = {
      "finetune", "-m", tiny_model(), (folder / "data.jsonl").string(), "--out", (folder / "out").string()};
  CHECK(says(failure(test::lorikeet(call + Arguments{"--method", "full", "--train", "ffn"}), 1),
             "no tensor's whole name matches \"ffn\"; there are names such as model.embed_tokens.weight, "));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--method", "full"}), 2), "--train PATTERN"));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--train", ".*"}), 2), "--method full"));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--method", "full", "--train", ".*", "--no-experts"}), 1),
             "no visual experts"));
  CHECK_FALSE(std::filesystem::exists(folder / "out"));
}

// Files may not grow beyond some blocks: that is what a full disk looks like to a program.
TEST_CASE("finetune: a full disk ends the run and leaves the last checkpoint") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  folder.write("data.jsonl", "{\"text\": \"The sky is blue.\"}\n");
  const Path checkpoint = folder / "out" / "checkpoint.safetensors";
  const auto call = [&](const char* steps) {
    return Arguments{"finetune",   "-m",
                     tiny_model(), (folder / "data.jsonl").string(),
                     "--out",      (folder / "out").string(),
                     "--method",   "lora",
                     "--rank",     "8",
                     "--steps",    steps,
                     "--resume"};
  };
  REQUIRE(test::lorikeet(call("1")).status == 0);
  const std::string saved = bytes(checkpoint);
  REQUIRE(saved.size() > 32768);
  const auto full = test::run_program(
      {Arguments{"/bin/sh", "-c", "ulimit -f 32; trap '' XFSZ; exec \"$@\"", "sh", LORIKEET_PROGRAM} + call("2"),
       {},
       {}});
  const std::string sentence = failure(full, 1);
  INFO(sentence);
  CHECK(says(sentence, "the disk is full"));
  CHECK(says(sentence, "The last checkpoint, "));
  const bool as_it_was = bytes(checkpoint) == saved;
  CHECK(as_it_was);
  CHECK_FALSE(std::filesystem::exists(checkpoint.string() + ".partial"));
  CHECK(test::lorikeet(call("2")).status == 0);
}

TEST_CASE("finetune: a Parrot's projector learns from pictures, and the trained model sees") {
  NEED_DEVICE();
  const auto parrot = test::shared_golden("parrot");
  if (!parrot) LK_SKIP(no_shared_goldens, "parrot");
  const test::TemporaryFolder folder;
  const auto picture = [&](const char* name) { return (*parrot / "pictures" / name).string(); };
  json data = json::array();
  data.push_back({{"image", picture("house_landscape.png")},
                  {"messages",
                   {{{"role", "user"}, {"content", "<image>\nWhat is in this picture?"}},
                    {{"role", "assistant"}, {"content", "A red house."}}}}});
  data.push_back({{"images", {picture("boat_square.jpg")}},
                  {"conversations",
                   {{{"from", "human"}, {"value", "O que há nesta imagem?"}},
                    {{"from", "gpt"}, {"value", "Um pequeno barco."}}}}});
  data.push_back({{"messages", {{{"role", "user"}, {"content", "Hi"}}, {{"role", "assistant"}, {"content", "Yes."}}}}});
  folder.write("data.json", data.dump());
  const auto call = [&](const std::string& out, const Arguments& more) {
    return Arguments{"finetune",
                     "-m",
                     (*parrot / "model-fp32").string(),
                     (folder / "data.json").string(),
                     "--out",
                     (folder / out).string(),
                     "--method",
                     "full",
                     "--batch",
                     "1",
                     "--accumulate",
                     "3",
                     "--clip",
                     "1",
                     "--weight-decay",
                     "0",
                     "--save-every",
                     "1",
                     "--lr",
                     "5e-3",
                     "--steps",
                     "4"} +
           more;
  };
  const Arguments first = {"--train", R"(model\.mm_projector\..*)", "--no-experts"};
  const auto whole = test::lorikeet(call("whole", first));
  INFO(whole.err);
  REQUIRE(whole.status == 0);
  CHECK(says(whole.err, "trained: 4 tensors, 15552 numbers"));
  CHECK(says(whole.err, " rows with 1 picture "));
  CHECK(says(whole.err, ", the tower and its pictures "));
  const auto points = losses(folder / "whole");
  REQUIRE(points.size() == 4);
  CHECK(points[3].cross_entropy < points[0].cross_entropy);

  test::killed_when_there(call("cut", first), folder / "cut" / "checkpoint.safetensors");
  REQUIRE(test::lorikeet(call("cut", first + Arguments{"--resume"})).status == 0);
  const Path weights = Path("model") / "model.safetensors";
  const bool same_bits = bytes(folder / "cut" / weights) == bytes(folder / "whole" / weights);
  CHECK(same_bits);
  const std::string trained = (folder / "whole" / "model").string();
  const auto seen = test::lorikeet({"see", "-m", trained, picture("house_landscape.png"), "What is in this picture?",
                                    "--max-tokens", "2", "--json"});
  INFO(seen.err);
  REQUIRE(seen.status == 0);
  CHECK(json::parse(seen.out)["token_ids"].size() == 2);

  // The second stage begins with what the first one left: all but the tower.
  Arguments second = call("second", {"--train", R"(model\.(mm_projector|moe_model|embed_tokens|layers|norm)\..*)",
                                     "--train", "lm_head.weight", "--dry-run"});
  second[2] = trained;
  const auto all = test::lorikeet(second);
  INFO(all.err);
  CHECK(all.status == 0);
  CHECK(says(all.err, "model.moe_model.experts.0.gate_proj.weight (128, 96) and 5 more like it"));
  // With the tower it is trained whole.
  const auto tower = test::lorikeet(call("tower", {"--train", ".*"}));
  INFO(tower.err);
  REQUIRE(tower.status == 0);
  CHECK(says(tower.err, "vision_model.embeddings.class_embedding (64)"));
  CHECK(says(tower.err, ", the tower and its pictures 37.6 kB"));
  CHECK(losses(folder / "tower").back().cross_entropy < points[0].cross_entropy);
  CHECK(test::lorikeet({"see", "-m", (folder / "tower" / "model").string(), picture("house_landscape.png"),
                        "What is in this picture?", "--max-tokens", "2"})
            .status == 0);
  CHECK(says(failure(test::lorikeet(call("x", {"--train", ".*moe_model.*", "--no-experts"})), 1),
             "leaves the visual experts out, so model.moe_model."));
  CHECK(says(failure(test::lorikeet(call("x", {"--train", R"(.*experts\.0\..*)"})), 1), "are trained together"));
  CHECK(says(failure(test::lorikeet(call("x", {"--train", R"(mm\.ffn_(up|down)_exps\.weight)"})), 1),
             "the gates, ups and downs of experts are trained together: "));
}
