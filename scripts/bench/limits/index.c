/* Index the files below a folder: every word, its case folded, with the sorted
 * list of the files that it is in, the words in order.
 *
 *     index PROCESSES FOLDER
 *
 * The limit that the benchmark holds parallel-lua against. Files are numbered
 * in the order of their paths. Each process takes the next number from a
 * shared counter, so its list of files for a word is ascending as it stands;
 * the others send their tables through pipes, and the first one merges. */
#include <fcntl.h>
#include <fts.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "words.h"

typedef struct {
    char **paths;
    uint32_t count, room;
} Files;

static int by_path(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_file(Files *files, const char *path) {
    if (files->count == files->room) {
        files->room = files->room ? files->room * 2 : 1024;
        files->paths = check(realloc(files->paths, files->room * sizeof *files->paths));
    }
    files->paths[files->count++] = check(strdup(path));
}

static Files find_files(char *folder) {
    Files files = {0};
    FTS *walk = check(fts_open((char *[]){folder, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL));
    for (FTSENT *entry; (entry = fts_read(walk));) {
        if (entry->fts_info == FTS_F) add_file(&files, entry->fts_path);
    }
    fts_close(walk);
    if (files.count) qsort(files.paths, files.count, sizeof *files.paths, by_path);
    return files;
}

static void append_files(Entry *entry, const uint32_t *files, uint32_t count) {
    if (entry->used + count > entry->room) {
        uint32_t room = entry->room ? entry->room * 2 : 2;
        entry->room = room > entry->used + count ? room : entry->used + count;
        entry->files = check(realloc(entry->files, entry->room * sizeof *files));
    }
    memcpy(entry->files + entry->used, files, count * sizeof *files);
    entry->used += count;
}

// Reads a whole file into *text, which grows as needed, with a zero byte after it.
static size_t read_file(const char *path, char **text, size_t *room) {
    struct stat info;
    int fd = open(path, O_RDONLY);
    if (fd == -1 || fstat(fd, &info) == -1) exit(1);
    if ((size_t)info.st_size >= *room) *text = check(realloc(*text, *room = info.st_size * 2 + 1));
    ssize_t size = read(fd, *text, (size_t)info.st_size);
    if (size != info.st_size) exit(1);
    (*text)[size] = 0;
    close(fd);
    return (size_t)size;
}

static void index_text(Table *table, char *text, size_t size, uint32_t file) {
    Word word;
    const char *end = text + size;
    while (next_word(&text, end, &word)) {
        Entry *entry = table_entry(table, &word);
        if (!entry->used || entry->files[entry->used - 1] != file) append_files(entry, &file, 1);
    }
}

static void index_files(Table *table, const Files *files, atomic_uint *next) {
    char *text = NULL;
    size_t room = 0;
    for (uint32_t file; (file = atomic_fetch_add(next, 1)) < files->count;) {
        size_t size = read_file(files->paths[file], &text, &room);
        index_text(table, text, size, file);
    }
    free(text);
}

static void send_table(const Table *table, FILE *to) {
    for (size_t i = 0; i < table->capacity; i++) {
        const Entry *entry = &table->entries[i];
        if (!entry->word.bytes) continue;
        fwrite(&entry->word, sizeof entry->word, 1, to);
        fwrite(&entry->used, sizeof entry->used, 1, to);
        fwrite(entry->word.bytes, entry->word.size, 1, to);
        fwrite(entry->files, sizeof *entry->files, entry->used, to);
    }
}

// Both lists are ascending and have nothing in common: each file was read once.
static void merge_files(Entry *entry, const uint32_t *files, uint32_t count) {
    uint32_t i = entry->used, j = count;
    append_files(entry, files, count); // for the room; merged from the end, in place
    for (uint32_t to = i + j; j > 0;) {
        bool ours = i > 0 && entry->files[i - 1] > files[j - 1];
        entry->files[--to] = ours ? entry->files[--i] : files[--j];
    }
}

static void merge_table(Table *table, FILE *from) {
    Word word;
    uint32_t count;
    char *bytes = NULL;
    uint32_t *files = NULL;
    while (fread(&word, sizeof word, 1, from) == 1 && fread(&count, sizeof count, 1, from) == 1) {
        bytes = check(realloc(bytes, word.size));
        files = check(realloc(files, count * sizeof *files));
        word.bytes = bytes;
        if (fread(bytes, word.size, 1, from) != 1) break;
        if (fread(files, sizeof *files, count, from) != count) break;
        merge_files(table_entry(table, &word), files, count);
    }
    free(files);
    free(bytes);
}

static FILE *start(const Files *files, atomic_uint *next) {
    int ends[2];
    if (pipe(ends) == -1) exit(1);
    pid_t pid = fork();
    if (pid == -1) exit(1);
    if (pid == 0) {
        FILE *out = check(fdopen(ends[1], "w"));
        Table table = table_new();
        index_files(&table, files, next);
        send_table(&table, out);
        _exit(fclose(out) == 0 ? 0 : 1);
    }
    close(ends[1]);
    return check(fdopen(ends[0], "r"));
}

static int by_word(const void *a, const void *b) {
    return word_order(&((const Entry *)a)->word, &((const Entry *)b)->word);
}

static void print_index(Table *table, const Files *files) {
    table_sort(table, by_word);
    for (size_t i = 0; i < table->used; i++) {
        const Entry *entry = &table->entries[i];
        fwrite_unlocked(entry->word.bytes, 1, entry->word.size, stdout);
        for (uint32_t j = 0; j < entry->used; j++) {
            putchar_unlocked(j == 0 ? '\t' : ' ');
            fputs_unlocked(files->paths[entry->files[j]], stdout);
        }
        putchar_unlocked('\n');
    }
}

int main(int argc, char **argv) {
    int processes = argc == 3 ? atoi(argv[1]) : 0;
    if (processes < 1) {
        fprintf(stderr, "usage: index processes folder\n");
        return 2;
    }
    Files files = find_files(argv[2]);
    atomic_uint *next =
        mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (next == MAP_FAILED) return 1;
    FILE **others = check(calloc((size_t)processes, sizeof *others));
    for (int i = 1; i < processes; i++) others[i] = start(&files, next);
    Table table = table_new();
    index_files(&table, &files, next);
    int failed = 0, status;
    for (int i = 1; i < processes; i++) merge_table(&table, others[i]);
    while (wait(&status) != -1) failed |= status;
    if (failed) return 1;
    print_index(&table, &files);
    return fflush(stdout) == 0 ? 0 : 1;
}
