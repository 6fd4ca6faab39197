// lorikeet see: answers a question about a picture.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "frontend/logits_file.h"
#include "frontend/memory_plan.h"
#include "frontend/parrot_prompt.h"
#include "runtime/base/text.h"
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
  std::vector<std::string> words;  // pictures, then the question
  std::string system, logits;
  bool json = false, dry_run = false;
};

// The plan of memory in the types that models are usually converted to, from the configuration alone.
Status plan(const Flags& flags) {
  LK_ASSIGN(const Device device, flags.model.device.open());
  LK_ASSIGN(const std::filesystem::path path, flags.model.files());
  std::error_code ignored;
  LK_ASSIGN(const Checkpoint files, std::filesystem::is_directory(path, ignored)
                                        ? Checkpoint::open_config(path, flags.model.vision)
                                        : Checkpoint::open(path));
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(files));
  if (!config.picture) return invalid(join(path.string(), " is a model for text alone: it cannot see pictures."));
  const int64_t context = flags.model.context ? flags.model.context : std::min<int64_t>(4096, config.context_length);
  const DType kv = flags.model.kv == "f16" ? DType::f16 : DType::f32;
  print(join("context ", context, " positions, ", config.picture->visual_tokens(), " of them for a picture\n"));
  print("type        decoder     vision    experts   KV cache    reading    picture      total\n");
  for (const DType type : {DType::f16, DType::q8_0, DType::q4_0}) {
    LK_ASSIGN(const MemoryPlan plan, plan_memory(config, type, context, kv, device.profile()));
    std::string line = std::string(name(type)) + std::string(8 - name(type).size(), ' ');
    for (const uint64_t bytes :
         {plan.decoder, plan.vision, plan.experts, plan.cache, plan.reading, plan.picture, plan.total()}) {
      const std::string text = size_text(bytes);
      line += std::string(text.size() < 11 ? 11 - text.size() : 1, ' ') + text;
    }
    print(line + "\n");
  }
  return Done{};
}

// How likely the model held the answer and each of its tokens, after the picture as the question routed it. Null for an
// answer that fills the context to its end.
nlohmann::ordered_json likelihood_json(Session& session, const Answer& answer) {
  std::vector<int32_t> asked, whole = answer.prompt_token_ids;
  std::copy_if(whole.begin(), whole.end(), std::back_inserter(asked), [](int32_t id) { return id != kPictureToken; });
  whole.insert(whole.end(), answer.token_ids.begin(), answer.token_ids.end());
  const auto all = session.log_probs(0, whole, asked);
  if (!all) return {{"likelihood", nullptr}, {"token_log_probs", nullptr}};
  const std::vector<float> own(all->end() - std::ptrdiff_t(answer.token_ids.size()), all->end());
  return {{"likelihood", std::exp(std::accumulate(own.begin(), own.end(), 0.0))}, {"token_log_probs", own}};
}

Status run(const Flags& flags) {
  if (flags.dry_run) return plan(flags);
  const std::vector<std::string> files(flags.words.begin(), flags.words.end() - 1);
  SessionOptions options = flags.model.session();
  LK_TRY(flags.picture.apply(options, files.size()));
  LK_ASSIGN(Loaded loaded, load(flags.model, options));
  LK_TRY(loaded.use_adapters());
  Model& model = *loaded.model;
  Session& session = *loaded.session;
  LK_ASSIGN(const std::vector<Pixels> pictures, flags.picture.read(model, files));
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
  std::vector<ChatMessage> messages;
  if (!flags.system.empty()) messages.push_back({"system", flags.system});
  std::string question = flags.words.back();
  for (size_t i = 0; i < files.size(); ++i) question = picture_question(question);
  messages.push_back({"user", question});
  LK_ASSIGN(const std::vector<int32_t> prompt, parrot_prompt_ids(*tokenizer, messages));
  LK_TRY(session.set_pictures(0, pictures));

  Generator generator(model, session);
  const OnInterrupt on_interrupt([&] { session.cancel(); });
  if (!flags.logits.empty()) LK_TRY(write_logits(model, session, 0, prompt, flags.logits));
  const GenerationOptions generation = flags.sampling.generation();
  const OnPiece on_piece = flags.json ? OnPiece() : print_pieces(true);
  LK_ASSIGN(const Answer answer, generator.answer(prompt, generation, on_piece, false));
  if (flags.json) {
    nlohmann::ordered_json more = {{"routing", PictureOptions::routing(model, session)}};
    more.update(likelihood_json(session, answer));
    print_json(answer, generation, loaded.load_ms, more);
  } else if (!answer.token_ids.empty()) {
    print("\n");
  }
  LK_TRY(flags.picture.report(model, session));
  say_speed(answer);
  return Done{};
}

}  // namespace

void add_see(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command =
      program.add_subcommand("see", "Answers a question about a picture. Greedy unless a sampling flag is given.");
  command->footer(
      "Example: lorikeet see picture.png \"What is this?\"\n"
      "Example: lorikeet see -m MODEL picture.jpg \"What is in this picture?\" --experts");
  command
      ->add_option("words", flags->words,
                   "The picture (JPEG, PNG, GIF or BMP; several with --multi-image), then the question.\n"
                   "Example: picture.jpg \"What is in this picture?\"")
      ->option_text("PICTURE... QUESTION")
      ->expected(0, 65);
  flags->model.add_or_default(*command);
  flags->model.adapters.add(*command);
  flags->sampling.add(*command, 1024);
  flags->picture.add(*command);
  command->add_option("--system", flags->system, "The system message. Example: --system \"Answer in one word.\"")
      ->option_text("TEXT");
  add_logits(*command, flags->logits);
  command->add_flag("--json", flags->json,
                    "Prints one JSON object: text, token_ids, prompt_token_ids (-200: the picture), stop_reason,\n"
                    "timings, routing, likelihood (of the whole answer) and token_log_probs.\n"
                    "Example: lorikeet see -m MODEL picture.jpg \"What is this?\" --json");
  command->add_flag("--dry-run", flags->dry_run,
                    "Prints how much memory the model will need in f16, q8_0 and q4_0; config.json is enough.\n"
                    "Example: lorikeet see -m MODEL --dry-run");
  command->callback([=, &job] {
    if (!flags->dry_run && flags->words.size() < 2) throw CLI::RequiredError("PICTURE and QUESTION");
    job = [flags] { return run(*flags); };
  });
}

}  // namespace lorikeet::tool
