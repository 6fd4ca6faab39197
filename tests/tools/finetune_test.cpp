// lorikeet finetune as a user meets it: a run, a kill, a resumption, and what it refuses.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "frontend/api/lorikeet.h"
#include "frontend/default_model.h"
#include "frontend/session.h"
#include "frontend/training/loss_curve.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

extern char** environ;

using namespace lorikeet;
using nlohmann::json;
using test::failure;

namespace {

using Arguments = std::vector<std::string>;

constexpr const char* kData =
    "{\"instruction\": \"Name a bird.\", \"output\": \"A lorikeet.\"}\n"
    "{\"instruction\": \"Add.\", \"input\": \"2 and 3\", \"output\": \"5\"}\n"
    "{\"text\": \"The sky is blue.\"}\n"
    "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": \"Hello.\"}]}\n";

std::string model() {
  const auto path =
      test::write_tiny_model("lorikeet-tiny-finetuning", {.layers = 1, .hidden = 32, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(path);
  return path.string();
}

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// The status of the program after this signal, `wait` after its start. Only what was started here is ended.
int signalled(const Arguments& arguments, int signal, std::chrono::milliseconds wait, const std::string& log) {
  Arguments all = Arguments{LORIKEET_PROGRAM} + arguments;
  std::vector<char*> words;
  for (std::string& word : all) words.push_back(word.data());
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const int number : {1, 2})
    posix_spawn_file_actions_addopen(&files, number, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t id = 0;
  const int failed = posix_spawn(&id, words[0], &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  REQUIRE(failed == 0);
  std::this_thread::sleep_for(wait);
  kill(id, signal);
  int status = 0;
  waitpid(id, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Of the table's first step.
double first_loss(const std::string& out) {
  const auto text = read_text(std::filesystem::path(out) / "loss.csv");
  REQUIRE(text);
  const auto points = read_loss_csv(*text, 1);
  REQUIRE(points.size() == 1);
  return points[0].cross_entropy;
}

}  // namespace

#define NEED_DEVICE() \
  if (!test::test_device()) LK_SKIP(no_device, "finetune")

TEST_CASE("finetune: from a file of examples to an adapter that a session uses") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  folder.write("data.jsonl", kData);
  const std::string path = model(), data = (folder / "data.jsonl").string(), out = (folder / "out").string();
  const Arguments call = {"finetune", "-m",   path,   data,      "--out", out,         "--rank",
                          "4",        "--lr", "5e-3", "--batch", "2",     "--targets", "q_proj,v_proj,down_proj",
                          "--eval",   data};
  const auto dry = test::lorikeet(call + Arguments{"--dry-run"});
  INFO(dry.err);
  CHECK(dry.status == 0);
  CHECK(dry.out.starts_with("memory: "));
  const auto activations = [&](const Arguments& more) {
    const auto told = test::lorikeet(call + Arguments{"--dry-run", "--json"} + more);
    REQUIRE(told.status == 0);
    return json::parse(told.out)["activations"].get<uint64_t>();
  };
  CHECK(activations({"--recompute"}) < activations({}));
  const auto cut = test::lorikeet(call + Arguments{"--dry-run", "--max-tokens", "20"});
  CHECK(cut.status == 0);
  CHECK(cut.err.find(" were cut to 20\n") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(out));
  const auto made =
      test::lorikeet(call + Arguments{"--epochs", "10", "--eval-every", "5", "--schedule", "linear", "--json"});
  INFO(made.err);
  REQUIRE(made.status == 0);
  const json report = json::parse(made.out);
  CHECK(report["steps"] == 10);
  CHECK(report["evaluation"] < first_loss(out));
  CHECK(report["memory"]["total"] > 0);
  for (const char* file : {"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "loss.csv",
                           "loss.svg", "checkpoint.safetensors"})
    CHECK(std::filesystem::exists(std::filesystem::path(out) / file));
  CHECK(made.err.find("4 examples") != std::string::npos);
  CHECK(made.err.find("step 5: loss ") != std::string::npos);

  auto loaded = Model::load(*test::test_device(), path);
  REQUIRE(loaded);
  const auto adapter = open_adapter(out, adapter_base(loaded->config()));
  REQUIRE(adapter);
  CHECK(adapter->config.kind == AdapterKind::dynmole);
  CHECK(adapter->config.base_model == path);
  CHECK(adapter->warnings.empty());
  AdapterBase base_of_run = adapter_base(loaded->checkpoint(), loaded->config());
  CHECK(adapter->config.base_sha256 == base_of_run.sha256);
  CHECK(base_warning(adapter->config, base_of_run).empty());
  base_of_run.sha256 = std::string(64, '0');
  CHECK(base_warning(adapter->config, base_of_run).find("the shapes fit, but the results may not.") !=
        std::string::npos);
  SessionOptions options;
  options.adapters = {{&*adapter, 1}};
  auto session = Session::create(*loaded, options);
  REQUIRE(session);
  const auto tokens = loaded->tokenizer()->encode("The sky is blue.");
  REQUIRE(tokens);
  const auto loss = [&] {
    double sum = 0;
    const auto probabilities = session->log_probs(0, *tokens);
    REQUIRE(probabilities);
    for (const float value : *probabilities) sum -= double(value);
    return sum;
  };
  const double base = loss();
  const uint32_t use[] = {0};
  REQUIRE(session->set_adapters(0, use));
  CHECK(loss() < base);

  CHECK(failure(test::lorikeet(call), 1).find("in it already; resume the run in it") != std::string::npos);
  const auto again = test::lorikeet(call + Arguments{"--epochs", "11", "--resume", "--schedule", "linear"});
  CHECK(again.status == 0);
  CHECK(again.err.find("The run was begun with steps 10 and goes on with 11.") != std::string::npos);
  CHECK(again.err.find("resumed after step 10 of 11") != std::string::npos);
}

TEST_CASE("finetune: killed or interrupted at any moment, a run goes on to the same adapter") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  folder.write("data.jsonl", kData);
  const auto call = [&](const std::string& out) {
    return Arguments{"finetune",     "-m",
                     model(),        (folder / "data.jsonl").string(),
                     "--out",        (folder / out).string(),
                     "--method",     "lora",
                     "--rank",       "4",
                     "--steps",      "60",
                     "--batch",      "2",
                     "--save-every", "1"};
  };
  REQUIRE(test::lorikeet(call("whole")).status == 0);
  const std::string log = (folder / "log").string();
  const std::filesystem::path checkpoint = folder / "cut" / "checkpoint.safetensors";
  int killed = 0;
  for (const int wait : {230, 410, 670, 890, 1130}) {
    killed +=
        signalled(call("cut") + Arguments{"--resume"}, SIGKILL, std::chrono::milliseconds(wait), log) == 128 + SIGKILL;
    if (!std::filesystem::exists(checkpoint)) continue;
    CHECK(open_tensors(checkpoint));  // whole, whenever the end came
  }
  const int stopped = signalled(call("cut") + Arguments{"--resume"}, SIGINT, std::chrono::milliseconds(700), log);
  const std::string said = read_text(log).ok() ? *read_text(log) : std::string();
  INFO(said);
  if (stopped == 1) CHECK(said.find("--resume goes on from it.") != std::string::npos);
  CHECK(killed > 0);
  const auto finished = test::lorikeet(call("cut") + Arguments{"--resume"});
  INFO(finished.err);
  REQUIRE(finished.status == 0);
  const auto bytes = [&](const char* out) { return read_text(folder / out / "adapter_model.safetensors"); };
  REQUIRE(bytes("whole"));
  REQUIRE(bytes("cut"));
  CHECK(*bytes("whole") == *bytes("cut"));
}

TEST_CASE("finetune: what cannot be learnt is a sentence") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  const std::string path = model(), out = (folder / "out").string();
  const auto says = [&](const std::string& data, const Arguments& more, const std::string& part,
                        const std::vector<std::string>& environment = {}) {
    folder.write("data.jsonl", data);
    const auto outcome = test::lorikeet(
        Arguments{"finetune", "-m", path, (folder / "data.jsonl").string(), "--out", out} + more, {}, environment);
    const std::string sentence = failure(outcome, 1);
    INFO(sentence);
    CHECK(sentence.find(part) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(out));
  };
  says("", {}, "expected at least one record, given none.");
  says("{\"text\": 5}\n", {}, "data.jsonl line 1");
  says("{\"text\": 5}\n", {"--skip-bad"}, "given 1 bad ones");
  says(kData, {"--targets", "x_proj"}, "x_proj");
  says(kData, {"--packed", "--max-tokens", "16", "--method", "mola", "--experts", "1", "--top-k", "2"}, "top_k");
  says(kData, {}, "training needs ", {"LORIKEET_HIDE=memory_bytes=100000"});
  says(kData, {"--eval", (folder / "none").string()}, "none");
  CHECK(failure(test::lorikeet(
                    {"finetune", "-m", (folder / "none").string(), (folder / "data.jsonl").string(), "--out", out}),
                1) != "");
  CHECK(failure(test::lorikeet({"finetune", "-m", path, "x"}), 2) != "");
  CHECK(failure(test::lorikeet({"finetune", "-m", path, "x", "--out", out, "--method", "dora"}), 2) != "");
  CHECK(failure(test::lorikeet({"finetune", "-m", path, "x", "--out", out, "--lr", "0"}), 2) != "");
  folder.write("file", "");
  const auto blocked = test::lorikeet(
      {"finetune", "-m", path, (folder / "data.jsonl").string(), "--out", (folder / "file" / "out").string()});
  CHECK(failure(blocked, 1).find("cannot write") != std::string::npos);
  const auto help = test::lorikeet({"finetune", "--help"});
  CHECK(help.status == 0);
  for (const char* option : {"--method", "--threshold", "--entropy-type", "--rslora", "--accumulate", "--resume",
                             "--dry-run", "Example: lorikeet finetune"})
    CHECK(help.out.find(option) != std::string::npos);
}

TEST_CASE("finetune: captions are learnt without the visual experts; those need a question to route by") {
  NEED_DEVICE();
  const auto parrot = test::shared_golden("parrot");
  if (!parrot) LK_SKIP(no_shared_goldens, "parrot");
  const test::TemporaryFolder folder;
  folder.write("data.jsonl",
               json{{"image", (*parrot / "pictures" / "boat_square.jpg").string()}, {"text", "a boat"}}.dump() + "\n");
  const Arguments captions = {"finetune",
                              "-m",
                              (*parrot / "model-fp32").string(),
                              (folder / "data.jsonl").string(),
                              "--method",
                              "full",
                              "--train",
                              "model\\.mm_projector\\..*",
                              "--steps",
                              "2",
                              "--batch",
                              "1",
                              "--out"};
  CHECK(failure(test::lorikeet(captions + Arguments{(folder / "with").string()}), 1)
            .find("to route the visual experts by") != std::string::npos);
  const auto learnt = test::lorikeet(captions + Arguments{(folder / "without").string(), "--no-experts"});
  INFO(learnt.err);
  CHECK(learnt.status == 0);
}

TEST_CASE("the sample of fine-tuning learns") {
  NEED_DEVICE();
  const auto outcome = test::run_program({{LORIKEET_SAMPLE_FINETUNE, model()}, {}, {}});
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find("step 8: loss ") != std::string::npos);
  const auto nano = test::run_program({{LORIKEET_SAMPLE_FINETUNE}, {}, {}});
  INFO(nano.err);
  CHECK(nano.status == (lorikeet::default_model() ? 0 : 1));
}

TEST_CASE("training through the C interface: steps, a checkpoint, an adapter, sentences") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  folder.write("data.jsonl", kData);
  const std::string data = (folder / "data.jsonl").string(), checkpoint = (folder / "c").string();
  const auto says = [](lk_status status, lk_status expected, const std::string& part) {
    INFO(lk_last_error());
    CHECK(status == expected);
    CHECK(std::string(lk_last_error()).find(part) != std::string::npos);
  };
  lk_device* device = nullptr;
  lk_model* base = nullptr;
  REQUIRE(lk_device_open(nullptr, &device) == LK_OK);
  REQUIRE(lk_model_load(device, model().c_str(), nullptr, &base) == LK_OK);
  lk_trainer_options options{};
  options.size = sizeof options;
  options.kind = LK_ADAPTER_MOLA;
  options.rank = 4;
  options.rate = 5e-3;
  options.epochs = 6;
  options.accumulate = 1;
  lk_training_step step{};
  step.size = sizeof step;
  lk_trainer* trainers[2] = {};
  for (lk_trainer*& trainer : trainers) REQUIRE(lk_trainer_create(base, data.c_str(), &options, &trainer) == LK_OK);
  REQUIRE(lk_trainer_step(trainers[0], &step) == LK_OK);
  CHECK(step.step == 1);
  CHECK(step.steps == 6);
  const double first = step.loss;
  CHECK(lk_trainer_save_checkpoint(trainers[0], checkpoint.c_str()) == LK_OK);
  while (step.step < step.steps) REQUIRE(lk_trainer_step(trainers[0], &step) == LK_OK);
  CHECK(step.loss < first);
  const double last = step.loss;
  says(lk_trainer_step(trainers[0], &step), LK_INVALID_ARGUMENT, "the run is over");
  CHECK(lk_trainer_resume(trainers[1], checkpoint.c_str()) == LK_OK);
  do REQUIRE(lk_trainer_step(trainers[1], &step) == LK_OK);
  while (step.step < step.steps);
  CHECK(step.loss == last);
  CHECK(lk_trainer_save(trainers[1], (folder / "adapter").string().c_str()) == LK_OK);
  CHECK(std::filesystem::exists(folder / "adapter" / "adapter_config.json"));
  says(lk_model_free(base), LK_INVALID_ARGUMENT, "still in use");
  {  // How the adapter's routers routed what a session read and said.
    lk_adapter* adapter = nullptr;
    lk_session* session = nullptr;
    char* text = nullptr;
    REQUIRE(lk_adapter_open(base, (folder / "adapter").string().c_str(), nullptr, &adapter) == LK_OK);
    lk_session_options observing{};
    observing.size = sizeof observing;
    observing.adapters = &adapter;
    observing.adapter_count = 1;
    REQUIRE(lk_session_create(base, &observing, &session) == LK_OK);
    says(lk_session_adapter_routing_json(session, 0, &text), LK_INVALID_ARGUMENT, "does not observe adapters");
    CHECK(lk_session_free(session) == LK_OK);
    observing.observe_adapters = 1;
    REQUIRE(lk_session_create(base, &observing, &session) == LK_OK);
    const int32_t ids[] = {10, 11, 12, 13};
    const uint32_t number = 0;
    float log_probs[3];
    REQUIRE(lk_session_set_adapters(session, 0, &number, 1) == LK_OK);
    REQUIRE(lk_session_log_probs(session, 0, ids, 4, log_probs) == LK_OK);
    REQUIRE(lk_session_adapter_routing_json(session, 0, &text) == LK_OK);
    const auto routed = nlohmann::json::parse(text);
    lk_free(text);
    CHECK(routed.at("rows").get<int>() >= 3);
    CHECK(routed.at("all").at("active").get<double>() == Approx(2));
    CHECK(routed.at("routers").size() >= 3);
    REQUIRE(lk_session_adapter_routing_svg(session, 0, &text) == LK_OK);
    CHECK(std::string(text).starts_with("<svg"));
    lk_free(text);
    says(lk_session_adapter_routing_json(session, 1, &text), LK_INVALID_ARGUMENT, "adapter 1 does not exist");
    CHECK(lk_session_free(session) == LK_OK);
    CHECK(lk_adapter_free(adapter) == LK_OK);
  }
  {  // Weights of the model itself.
    lk_trainer* trainer = nullptr;
    const char* const patterns[] = {"blk.0.attn_q.weight", ".*norm.*"};
    lk_trainer_options whole{};
    whole.size = sizeof whole;
    whole.weights = patterns;
    whole.weight_count = 2;
    whole.steps = 2;
    REQUIRE(lk_trainer_create(base, data.c_str(), &whole, &trainer) == LK_OK);
    for (int i = 0; i < 2; ++i) REQUIRE(lk_trainer_step(trainer, &step) == LK_OK);
    CHECK(step.rate == Approx(2e-5));
    const std::string place = (folder / "trained").string();
    CHECK(lk_trainer_save(trainer, place.c_str()) == LK_OK);
    CHECK(lk_trainer_save(trainer, place.c_str()) == LK_OK);
    CHECK(lk_trainer_free(trainer) == LK_OK);
    lk_model* learnt = nullptr;
    CHECK(lk_model_load(device, (place + "/model").c_str(), nullptr, &learnt) == LK_OK);
    CHECK(lk_model_free(learnt) == LK_OK);
    whole.weight_count = 0;
    whole.no_experts = 1;
    says(lk_trainer_create(base, data.c_str(), &whole, &trainer), LK_INVALID_ARGUMENT, "no visual experts");
    whole.weights = nullptr;
    whole.weight_count = 1;
    says(lk_trainer_create(base, data.c_str(), &whole, &trainer), LK_INVALID_ARGUMENT, "lk_trainer_options.weights");
  }
  for (lk_trainer* trainer : trainers) CHECK(lk_trainer_free(trainer) == LK_OK);

  lk_trainer* none = nullptr;
  options.kind = 9;
  says(lk_trainer_create(base, data.c_str(), &options, &none), LK_INVALID_ARGUMENT, "lk_trainer_options.kind");
  says(lk_trainer_create(base, (folder / "none").string().c_str(), nullptr, &none), LK_IO, "none");
  says(lk_trainer_create(base, nullptr, nullptr, &none), LK_INVALID_ARGUMENT, "lk_trainer_create");
  says(lk_trainer_step(nullptr, &step), LK_INVALID_ARGUMENT, "lk_trainer_step");
  CHECK(lk_trainer_free(nullptr) == LK_OK);
  CHECK(lk_model_free(base) == LK_OK);
  CHECK(lk_device_close(device) == LK_OK);
}
