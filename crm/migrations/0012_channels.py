from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('crm', '0011_near_visits')]

    initial = False

    operations = [
        ops.CreateModel(
            name='MailOriginal',
            fields=[
                ('message_id', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('html', fields.TextField(unique=False)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'mail_original', 'app': 'crm', 'pk_attr': 'message_id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlackState',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('digest', fields.CharField(unique=True, max_length=64)),
                ('staff_id', fields.BigIntField()),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'slack_state', 'app': 'crm', 'indexes': [Index(fields=['expires_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlackWorkspace',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.CharField(unique=True, max_length=64)),
                ('app', fields.CharField(default='', max_length=32)),
                ('name', fields.CharField(default='', max_length=120)),
                ('sealed', fields.BinaryField(null=True)),
                ('state', fields.CharField(default='on', max_length=8)),
                ('staff_id', fields.BigIntField(null=True)),
                ('installed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('gone_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'slack_workspace', 'app': 'crm', 'indexes': [Index(fields=['app', 'state'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
