// lorikeet chat: a conversation in the model's own template. A line is a question; the interrupt key stops the answer,
// and at the prompt it leaves.
#include <atomic>
#include <iostream>

#include "frontend/dialogue.h"
#include "runtime/base/file.h"
#include "tools/answer_output.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/picture_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  ModelOptions model;
  SamplingOptions sampling;
  PictureOptions picture;
  std::vector<std::string> images;
  std::string system, once, template_file;
  bool json = false, has_once = false;
};

class Talk {
 public:
  Talk(const Flags& flags, Loaded& loaded, Dialogue& dialogue)
      : flags_(&flags), loaded_(&loaded), dialogue_(&dialogue), options_(flags.sampling.generation()) {}

  Status ask(const std::string& question) {
    const OnPiece on_piece = flags_->json ? OnPiece() : print_pieces(true);
    auto answer = dialogue_->ask(question, options_, on_piece);
    if (!answer) return answer.error();
    nlohmann::ordered_json more = nlohmann::ordered_json::object();
    if (!flags_->images.empty()) more["routing"] = PictureOptions::routing(*loaded_->model, *loaded_->session);
    if (flags_->json) print_json(*answer, options_, loaded_->load_ms, more);
    else print("\n");
    LK_TRY(flags_->picture.report(*loaded_->model, *loaded_->session));
    say_speed(*answer);
    return Done{};
  }

  // Reads questions until the end. An error of one turn is said, and the conversation goes on; without a terminal it
  // ends it.
  Status loop() {
    const bool terminal = is_terminal_in();
    if (terminal) say("Ask away. /reset begins anew, /exit leaves, Ctrl-C stops an answer.");
    std::string line;
    for (;;) {
      if (terminal) prompt();
      if (!std::getline(std::cin, line)) break;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line == "/exit") break;
      if (line == "/reset") {
        dialogue_->reset();
        continue;
      }
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      const Status status = answering(line);
      if (!status && !terminal) return status;
      if (!status) say("lorikeet: " + status.error().message);
    }
    if (terminal) say("");
    return Done{};
  }

  Status answering(const std::string& question) {
    in_answer_ = true;
    const Status status = ask(question);
    in_answer_ = false;
    return status;
  }

  void interrupt() {
    if (in_answer_) loaded_->session->cancel();
  }

 private:
  static void prompt() { std::cerr << "> " << std::flush; }

  const Flags* flags_;
  Loaded* loaded_;
  Dialogue* dialogue_;
  GenerationOptions options_;
  std::atomic<bool> in_answer_{false};
};

Status run(const Flags& flags) {
  SessionOptions session = flags.model.session();
  LK_TRY(flags.picture.apply(session, flags.images.size()));
  LK_ASSIGN(Loaded loaded, load(flags.model, session));
  LK_TRY(loaded.use_adapters());
  DialogueOptions options;
  options.pictures = uint32_t(flags.images.size());
  if (!flags.images.empty()) {
    LK_ASSIGN(std::vector<Pixels> pictures, flags.picture.read(*loaded.model, flags.images));
    LK_TRY(loaded.session->set_pictures(0, std::move(pictures)));
  }
  options.system = flags.system;
  options.notice = [](const std::string& line) { say(line); };
  if (!flags.template_file.empty()) {
    LK_ASSIGN(options.chat_template, read_text(flags.template_file));
  }
  LK_ASSIGN(Dialogue dialogue, Dialogue::create(*loaded.model, *loaded.session, options));
  Talk talk(flags, loaded, dialogue);
  const OnInterrupt on_interrupt([&] { talk.interrupt(); });
  return flags.has_once ? talk.answering(flags.once) : talk.loop();
}

}  // namespace

void add_chat(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand(
      "chat", "Talks with a model in its own chat template. Greedy unless a sampling flag is given.");
  command->footer(
      "A line is a question; /reset begins anew, /exit leaves, Ctrl-C stops the answer. Without a template of its own\n"
      "a model gets the ChatML form. Questions may also come from a pipe, one a line.\n"
      "Example: lorikeet chat --image picture.png\n"
      "Example: lorikeet chat -m MODEL --system \"Answer in one sentence.\"");
  flags->model.add_or_default(*command);
  flags->model.adapters.add(*command);
  flags->sampling.add(*command, 1024);
  command
      ->add_option(
          "--image", flags->images,
          "A picture that the conversation is about; several with --multi-image.\nExample: --image picture.png")
      ->option_text("FILE")
      ->take_all()
      ->allow_extra_args(false);
  flags->picture.add(*command);
  command->add_option("--system", flags->system, "The system message. Example: --system \"You are a pirate.\"")
      ->option_text("TEXT");
  CLI::Option* once = command
                          ->add_option("--once", flags->once,
                                       "Answers this question and ends. Example: --once \"Why is the sky blue?\"")
                          ->option_text("QUESTION");
  command
      ->add_option("--template", flags->template_file,
                   "A file with another chat template (Jinja). Example: --template chat.jinja")
      ->option_text("FILE")
      ->check(CLI::ExistingFile);
  command->add_flag("--json", flags->json,
                    "Prints one JSON object an answer: text, token_ids, prompt_token_ids, stop_reason, timings,\n"
                    "and with pictures routing. Example: --once Hello --json");
  command->callback([=, &job] {
    flags->has_once = once->count() > 0;
    job = [flags] { return run(*flags); };
  });
}

}  // namespace lorikeet::tool
