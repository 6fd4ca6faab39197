/* A chat in the model's own template, streamed:  03_chat [MODEL [QUESTION]...]  */
#include <lorikeet.h>
#include <stdio.h>

static int32_t show(void* user, int32_t token, const char* text, size_t size) {
  (void)user, (void)token;
  fwrite(text, 1, size, stdout);
  fflush(stdout);
  return 0; /* go on */
}

static void progress(void* user, const char* what, uint64_t done, uint64_t total) {
  (void)user;
  if (done == total) fprintf(stderr, "%s: ready\n", what);
}

static int talk(lk_chat* chat, int count, char** questions) {
  lk_generate_options options = {sizeof options};
  lk_answer answer = {sizeof answer};
  options.max_tokens = 200;
  options.repeat_penalty = 1.1f; /* temperature is 0: greedy */
  for (int i = 0; i < count; ++i) {
    printf("> %s\n", questions[i]);
    if (lk_chat_ask(chat, questions[i], &options, show, NULL, &answer) != LK_OK) return 1;
    printf("\n[%.1f tokens/s]\n", answer.generate_ms > 0 ? 1000 * (double)answer.generated_tokens / answer.generate_ms : 0.0);
  }
  return 0;
}

int main(int argc, char** argv) {
  /* Without a model the one that comes with the library answers: of things it knows names, groups and words. */
  static char *defaults[] = {"What is the capital of France?", "And of Italy?"},
              *of_nano[] = {"Which group does “cat face” belong to?", "Which words go with “cat face”?"};
  lk_device* device = NULL;
  lk_model* model = NULL;
  lk_session* session = NULL;
  lk_chat* chat = NULL;
  lk_model_options model_options = {sizeof model_options};
  lk_chat_options chat_options = {sizeof chat_options};
  model_options.progress = progress;
  if (argc > 1) chat_options.system_message = "Answer in one sentence.";
  int failed = lk_device_open(NULL, &device) != LK_OK || lk_model_load(device, argc > 1 ? argv[1] : NULL, &model_options, &model) != LK_OK ||
               lk_session_create(model, NULL, &session) != LK_OK || lk_chat_create(session, &chat_options, &chat) != LK_OK;
  if (!failed) failed = argc > 2 ? talk(chat, argc - 2, argv + 2) : talk(chat, 2, argc > 1 ? defaults : of_nano);
  if (failed) fprintf(stderr, "%s\n", lk_last_error());
  lk_chat_free(chat);
  lk_session_free(session);
  lk_model_free(model);
  lk_device_close(device);
  return failed;
}
