/* A question about a picture, and which visual experts it chose:  04_picture_c PICTURE QUESTION [MODEL]  */
#include <lorikeet.h>
#include <stdio.h>
#include <stdlib.h>

static int32_t show(void* user, int32_t token, const char* text, size_t size) {
  (void)user, (void)token;
  fwrite(text, 1, size, stdout);
  fflush(stdout);
  return 0; /* go on */
}

/* A whole file; NULL if it cannot be read. */
static void* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  char* bytes = NULL;
  long end = -1;
  if (file && fseek(file, 0, SEEK_END) == 0) end = ftell(file);
  if (end >= 0 && fseek(file, 0, SEEK_SET) == 0) bytes = malloc((size_t)end + 1);
  if (bytes) *size = fread(bytes, 1, (size_t)end, file);
  if (file) fclose(file);
  return bytes;
}

static int describe(lk_session* session, lk_chat* chat, const lk_picture* picture, const char* question) {
  lk_generate_options options = {sizeof options};
  lk_answer answer = {sizeof answer};
  lk_routing routing = {sizeof routing};
  options.max_tokens = 128;
  if (lk_chat_set_pictures(chat, picture, 1) != LK_OK) return 1;
  if (lk_chat_ask(chat, question, &options, show, NULL, &answer) != LK_OK) return 1;
  printf("\n%lu tokens\n", (unsigned long)answer.generated_tokens);
  if (lk_session_get_routing(session, 0, 0, &routing) != LK_OK) return 1;
  for (size_t expert = 0; expert < routing.expert_count; ++expert)
    printf("expert %lu: %.1f %%\n", (unsigned long)expert, 100.0 * (double)routing.probabilities[expert]);
  return 0;
}

int main(int argc, char** argv) {
  lk_device* device = NULL;
  lk_model* model = NULL;
  lk_session* session = NULL;
  lk_chat* chat = NULL;
  lk_picture picture = {sizeof picture};
  void* file = NULL;
  int failed = 1;
  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: %s PICTURE QUESTION [MODEL]\n", argv[0]);
    return 2;
  }
  file = read_file(argv[1], &picture.file_size);
  picture.file = file;
  if (!file) {
    fprintf(stderr, "%s cannot be read.\n", argv[1]);
  } else {
    failed = lk_device_open(NULL, &device) != LK_OK || lk_model_load(device, argc > 3 ? argv[3] : NULL, NULL, &model) != LK_OK ||
             lk_session_create(model, NULL, &session) != LK_OK || lk_chat_create(session, NULL, &chat) != LK_OK ||
             describe(session, chat, &picture, argv[2]);
    if (failed) fprintf(stderr, "%s\n", lk_last_error());
  }
  lk_chat_free(chat);
  lk_session_free(session);
  lk_model_free(model);
  lk_device_close(device);
  free(file);
  return failed;
}
