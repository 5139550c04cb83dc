from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('crm', '0009_live_sessions')]

    initial = False

    operations = [
        ops.CreateModel(
            name='MailAside',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.CharField(default='', max_length=64)),
                ('external_id', fields.CharField(max_length=200)),
                ('verdict', fields.CharField(max_length=8)),
                ('reason', fields.CharField(default='', max_length=60)),
                ('uid', fields.BigIntField(default=0)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'mail_aside', 'app': 'crm', 'unique_together': (('account', 'external_id'),), 'indexes': [Index(fields=['verdict', 'at']), Index(fields=['at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Mailbox',
            fields=[
                ('account', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('uid_validity', fields.BigIntField()),
                ('last_uid', fields.BigIntField()),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('read_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'mailbox', 'app': 'crm', 'pk_attr': 'account'},
            bases=['Model'],
        ),
    ]
