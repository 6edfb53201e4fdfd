# Count words: perl wordcount.pl PROCESSES FILE; above 1, with MCE.
use strict;
use warnings;

my ($processes, $path) = @ARGV;
my %count;

sub count_words {
    my ($text) = @_;
    $$text =~ tr/A-Za-z/ /cs;    # faster than matching /[a-z]+/g
    $count{$_}++ for split ' ', lc $$text;
}

sub count_alone {
    open my $file, '<:raw', $path or die "$path: $!\n";
    while (read $file, my $text, 1 << 18) {
        $text .= <$file> // '';
        count_words(\$text);
    }
}

sub count_together {
    require MCE;
    MCE->new(
        max_workers => $processes,
        chunk_size  => '256k',
        input_data  => $path,
        use_slurpio => 1,
        user_func   => sub { count_words($_[1]) },
        user_end    => sub { MCE->gather(\%count) },
        gather      => sub { my ($part) = @_; $count{$_} += $part->{$_} for keys %$part },
    )->run;
}

$processes == 1 ? count_alone() : count_together();
my @words = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
splice @words, 20 if @words > 20;
print "$_\t$count{$_}\n" for @words;
