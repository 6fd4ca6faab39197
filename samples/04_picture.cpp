// Asks a model about a picture, through the C++ headers, and shows which visual experts the question chose.
#include <cstdio>

#include "frontend/default_model.h"
#include "frontend/generation.h"
#include "frontend/image/picture.h"
#include "frontend/image/preprocess.h"
#include "frontend/parrot_prompt.h"
#include "frontend/viewer.h"

using namespace lorikeet;

namespace {

Status describe(const char* file, const char* question, const std::filesystem::path& path) {
  LK_ASSIGN(Device device, Device::open({Options::from_environment(), {}}));
  LK_ASSIGN(Model model, Model::load(device, path));
  LK_ASSIGN(Session session, Session::create(model, {}));
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
  if (!model.config().picture) return invalid("the model cannot see pictures.");

  // The picture as the model's vision tower takes it: padded, resized, normalised.
  LK_ASSIGN(const Picture picture, read_picture(file, {.alpha = model.config().picture->preprocess.alpha}));
  LK_ASSIGN(std::vector<float> pixels, pixel_values(picture, model.config().picture->preprocess));
  LK_TRY(session.set_pictures(0, {std::make_shared<const std::vector<float>>(std::move(pixels))}));

  // The question as the model was taught to read it: ids, with kPictureToken where the picture goes.
  const ChatMessage message{"user", picture_question(question)};
  LK_ASSIGN(const std::vector<int32_t> prompt, parrot_prompt_ids(*tokenizer, {&message, 1}));

  Generator generator(model, session);
  GenerationOptions options;
  options.max_tokens = 128;
  const auto print = [](std::string_view text, int32_t) {
    std::printf("%.*s", int(text.size()), text.data());
    return std::fflush(stdout) == 0;
  };
  LK_ASSIGN(const Answer answer, generator.answer(prompt, options, print, false));
  std::printf("\n%zu tokens\n", answer.token_ids.size());
  for (const PictureRouting& routing : session.routings(0))
    for (size_t expert = 0; expert < routing.probabilities.size(); ++expert)
      std::printf("expert %zu: %.1f %%\n", expert, 100.0 * double(routing.probabilities[expert]));
  return Done{};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: %s PICTURE QUESTION [MODEL]\n", argv[0]);
    return 2;
  }
  const auto model = argc > 3 ? Result<std::filesystem::path>(argv[3]) : default_model();
  const Status status = model ? describe(argv[1], argv[2], *model) : Status(model.error());
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
