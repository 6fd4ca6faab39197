#include "frontend/names/runner.h"

#include <algorithm>

#include "frontend/generation.h"
#include "frontend/image/picture.h"
#include "frontend/names/name_search.h"
#include "frontend/parrot_prompt.h"
#include "frontend/viewer.h"
#include "runtime/base/text.h"

namespace lorikeet::names {
namespace {

constexpr std::string_view kEnd = "<|im_end|>";

using Ids = std::vector<int32_t>;

Error cancelled() { return {ErrorCode::cancelled, "[names] stopped before the end.", {}}; }

// A language as the model reads and writes it.
struct Asked {
  Ids prompt;  // with the place of the picture
  Ids text;    // without
  NameTrie trie;
};

class Runner {
 public:
  Runner(Model& model, Session& session, const RunOptions& options)
      : model_(&model), session_(&session), options_(&options) {}

  Status prepare(const NameSet& names) {
    if (!model_->config().picture)
      return unsupported(join("[names] expected a model that sees pictures, given ",
                              model_->checkpoint().path().string(), ", which reads text alone."));
    LK_ASSIGN(tokenizer_, need_tokenizer(*model_));
    const auto end = tokenizer_->token_to_id(kEnd);
    if (!end) return not_found(join("[names] expected the token ", kEnd, " in the tokenizer, given none."));
    end_ = *end;
    for (const Language& language : names.languages) {
      LK_ASSIGN(Asked asked, prepare(language));
      asked_.push_back(std::move(asked));
    }
    return Done{};
  }

  // Names of the pictures in the languages, as many as there are slots at most.
  Status name(std::span<Naming> group, std::span<const NamedPicture> pictures) {
    for (uint32_t slot = 0; slot < group.size(); ++slot) {
      const NamedPicture& picture = pictures[group[slot].picture];
      if (Status status = begin(slot, group[slot], picture); !status) {
        Error& error = status.error();
        if (error.code != ErrorCode::cancelled) error.message = join(picture.file.string(), ": ", error.message);
        return std::move(error);
      }
    }
    LK_TRY(search(group));
    return options_->answer_tokens > 0 ? answer(group) : Status(Done{});
  }

 private:
  Result<Asked> prepare(const Language& language) const {
    Asked asked;
    const ChatMessage question = {.role = "user", .content = picture_question(language.question)};
    LK_ASSIGN(asked.prompt, parrot_prompt_ids(*tokenizer_, {&question, 1}));
    std::copy_if(asked.prompt.begin(), asked.prompt.end(), std::back_inserter(asked.text),
                 [](int32_t token) { return token != kPictureToken; });
    for (size_t thing = 0; thing < language.names.size(); ++thing) {
      LK_ASSIGN(Ids ids, tokenizer_->encode(language.names[thing], {.parse_special = false, .add_special = false}));
      ids.push_back(end_);
      for (const int32_t id : ids)
        if (id < 0 || uint32_t(id) >= model_->config().vocabulary)
          return unsupported(join("[names] expected names in the model's vocabulary of ", model_->config().vocabulary,
                                  ", given the token ", id, "."));
      asked.trie.add(ids, thing);
    }
    return asked;
  }

  // The question becomes the conversation of the slot, and its picture is routed.
  Status ask(uint32_t slot, size_t language) {
    const Ids& routed_by = asked_[options_->route_by.value_or(language)].text;
    return session_->set_tokens(slot, asked_[language].prompt, routed_by);
  }

  Status begin(uint32_t slot, Naming& naming, const NamedPicture& named) {
    if (!pixels_ || seen_ != naming.picture) {
      LK_ASSIGN(const Picture picture, read_picture(named.file, {.alpha = model_->config().picture->preprocess.alpha}));
      LK_ASSIGN(pixels_, see_pixels(*model_, picture));
      seen_ = naming.picture;
    }
    LK_TRY(session_->set_pictures(slot, {pixels_}));
    LK_TRY(ask(slot, naming.language));
    if (!session_->routings(slot).empty()) naming.experts = session_->routings(slot)[0].probabilities;
    return Done{};
  }

  Status search(std::span<Naming> group) {
    std::vector<NameSearch> searches;
    std::vector<int64_t> asked_positions;
    for (uint32_t slot = 0; slot < group.size(); ++slot) {
      searches.emplace_back(asked_[group[slot].language].trie, options_->names);
      asked_positions.push_back(int64_t(session_->tokens(slot).size()));
    }
    for (;;) {
      std::vector<Continuation> wanted;
      for (uint32_t slot = 0; slot < group.size(); ++slot)
        if (auto tokens = searches[slot].wanted()) wanted.push_back({slot, asked_positions[slot], std::move(*tokens)});
      if (wanted.empty()) break;
      LK_TRY(session_->next_logits(wanted, [&](uint32_t text, std::span<const float> logits) -> Status {
        searches[wanted[text].slot].take(logits);
        return Done{};
      }));
    }
    for (uint32_t slot = 0; slot < group.size(); ++slot)
      for (const FoundName& found : searches[slot].found())
        group[slot].names.push_back({*found.things, found.log_probability});
    return Done{};
  }

  Status answer(std::span<Naming> group) {
    std::vector<GenerateRequest> requests;
    for (uint32_t slot = 0; slot < group.size(); ++slot) {
      LK_TRY(ask(slot, group[slot].language));
      requests.push_back({.slot = slot, .max_tokens = options_->answer_tokens, .stop_ids = {end_}});
    }
    std::vector<Ids> answers(group.size());
    const auto reasons = session_->generate(requests, [&](uint32_t slot, int32_t token) {
      answers[slot].push_back(token);
      return true;
    });
    if (!reasons) return reasons.error();
    for (size_t i = 0; i < group.size(); ++i) group[i].answer = tokenizer_->decode(answers[i], {.skip_special = true});
    return Done{};
  }

  Model* model_;
  Session* session_;
  const RunOptions* options_;
  const Tokenizer* tokenizer_ = nullptr;
  int32_t end_ = 0;
  std::vector<Asked> asked_;  // by language
  Pixels pixels_;             // of the picture that was seen last
  size_t seen_ = 0;
};

}  // namespace

Result<std::vector<Naming>> run(Model& model, Session& session, const NameSet& names,
                                std::span<const NamedPicture> pictures, const RunOptions& options) {
  Runner runner(model, session, options);
  LK_TRY(runner.prepare(names));
  std::vector<Naming> all;
  for (size_t picture = 0; picture < pictures.size(); ++picture)
    for (size_t language = 0; language < names.languages.size(); ++language)
      all.push_back({.picture = picture, .language = language});
  const uint64_t cancels = session.cancels();
  for (size_t done = 0;;) {
    if (options.progress) options.progress(done, all.size());
    if (done == all.size()) return all;
    const size_t count = std::min<size_t>(session.slots(), all.size() - done);
    const Status status = runner.name(std::span(all).subspan(done, count), pictures);
    if (session.cancels() != cancels) return cancelled();
    if (!status) return status.error();
    done += count;
  }
}

}  // namespace lorikeet::names
