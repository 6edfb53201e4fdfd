# Index words by file: perl index.pl PROCESSES FOLDER; above 1, with MCE.
use strict;
use warnings;
use File::Find;

my ($processes, $folder) = @ARGV;
my (@paths, %index);    # word -> the numbers of its files, packed: cheap to join and to send

find({ wanted => sub { push @paths, $_ if -f }, no_chdir => 1 }, $folder);
@paths = sort @paths;

sub index_file {
    my ($number) = @_;
    open my $file, '<:raw', $paths[$number] or die "$paths[$number]: $!\n";
    local $/;
    my $text = <$file> // '';
    $text =~ tr/A-Za-z/ /cs;    # faster than matching /[a-z]+/g
    my %words;
    @words{ split ' ', lc $text } = ();
    my $packed = pack 'N', $number;
    $index{$_} .= $packed for keys %words;
}

sub index_together {
    require MCE;
    MCE->new(
        max_workers => $processes,
        chunk_size  => 50,
        input_data  => [ 0 .. $#paths ],
        user_func   => sub { index_file($_) for @{ $_[1] } },
        user_end    => sub { MCE->gather(\%index) },
        gather      => sub { my ($part) = @_; $index{$_} .= $part->{$_} for keys %$part },
    )->run;
}

if ($processes == 1) { index_file($_) for 0 .. $#paths }
else                 { index_together() }
for my $word (sort keys %index) {
    my @numbers = sort { $a <=> $b } unpack 'N*', $index{$word};
    print "$word\t@paths[@numbers]\n";
}
